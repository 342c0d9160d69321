package architecture_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/tests/contract"
)

// cited finds numbers of clauses where comments and documents cite them: in
// brackets, "(R4)", "(D2, R4)", "(SOMETHING, O2)", or as "R4's" and "S7 and
// S8".
var cited = regexp.MustCompile(`\(([^()\n]{0,40}, )?[EDRPBCSTLMO]\d{1,2}((, | and |; )[EDRPBCSTLMO]\d{1,2})*\)|\b[EDRPBCSTLMO]\d{1,2}'s\b`)

var clause = regexp.MustCompile(`\b[EDRPBCSTLMO]\d{1,2}\b`)

// Each clause that code or documents cite is a line of docs/promises.md.
func TestEveryCitedClauseIsAPromise(t *testing.T) {
	promises := contract.Clauses()
	found := 0
	walk(t, func(path, text string) {
		for _, place := range cited.FindAllString(text, -1) {
			for _, c := range clause.FindAllString(place, -1) {
				found++
				require.True(t, slices.Contains(promises, c), "%s cites %s, which is no line of docs/promises.md", path, c)
			}
		}
	})
	require.Greater(t, found, 100)
}

var page = regexp.MustCompile(`[\w./-]*\w\.md\b`)

// No text of the repository names a document that is not in it.
func TestEveryNamedDocumentIsThere(t *testing.T) {
	known := map[string]bool{}
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".md") {
			known[filepath.Base(path)] = true
		}
		return err
	}))
	walk(t, func(path, text string) {
		for _, name := range page.FindAllString(text, -1) {
			require.True(t, known[filepath.Base(name)], "%s names %s, which is not in the repository", path, name)
		}
	})
}

// walk reads every source and document that is published.
func walk(t *testing.T, look func(path, text string)) {
	t.Helper()
	for _, folder := range []string{"core", "capi", "include", "bindings/python", "docs", "examples", "README.md", "README.zh.md", "CONTRIBUTING.md", "CHANGELOG.md"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				if d != nil && (d.Name() == "testdata" || d.Name() == "build" || strings.HasSuffix(d.Name(), ".egg-info")) {
					return fs.SkipDir
				}
				return err
			}
			if slices.Contains([]string{".go", ".c", ".h", ".py", ".md"}, filepath.Ext(path)) {
				text, err := os.ReadFile(path)
				require.NoError(t, err)
				look(path, string(text))
			}
			return nil
		}))
	}
}
