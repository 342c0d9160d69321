package architecture_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The table "to change X, edit Y" names each subject once, and only files and
// folders that are there.
func TestContributingNamesWhatIsThere(t *testing.T) {
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "CONTRIBUTING.md"))
	require.NoError(t, err)
	path := regexp.MustCompile("`([a-z_]+/[^` ]*|[a-z]+\\.mod)`")
	subjects := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		subject, edit, ok := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		if !ok || !strings.HasPrefix(line, "| ") || !strings.Contains(edit, "`") {
			continue
		}
		require.False(t, subjects[subject], "two rows say how to change this: %s", subject)
		subjects[subject] = true
		for _, named := range path.FindAllStringSubmatch(edit, -1) {
			_, err := os.Stat(filepath.Join(root, named[1]))
			require.NoError(t, err, "the row %q names what is not there", subject)
		}
	}
	require.Greater(t, len(subjects), 30)
}
