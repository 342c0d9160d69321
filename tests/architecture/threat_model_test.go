package architecture_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the module's folder.
const root = "../.."

// Each claim of docs/threat-model.md names tests, and each of these is there: a
// contract case, a Go test or fuzz target behind a colon, a Python test behind
// two, a target of make.
func TestEveryClaimOfTheThreatModelNamesItsTests(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs/threat-model.md"))
	require.NoError(t, err)
	claims := 0
	for _, line := range strings.Split(string(page), "\n") {
		cells := strings.Split(line, " | ")
		if len(cells) != 2 || !strings.HasPrefix(line, "| ") || strings.HasPrefix(cells[1], "tested by") {
			continue
		}
		claims++
		tests := regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1)
		require.NotEmpty(t, tests, "no test holds: %s", cells[0])
		for _, named := range tests {
			require.True(t, exists(t, named[1]), "%q does not exist; it is said to hold: %s", named[1], cells[0])
		}
	}
	require.Greater(t, claims, 15)
}

func exists(t *testing.T, test string) bool {
	t.Helper()
	if target, ok := strings.CutPrefix(test, "make "); ok {
		return found(t, "*.mk", "^"+regexp.QuoteMeta(target)+":.*## ")
	}
	if file, function, ok := strings.Cut(test, "::"); ok {
		return holds(t, file, "(?m)^def "+regexp.QuoteMeta(function)+"\\(")
	}
	if file, function, ok := strings.Cut(test, ":"); ok {
		return strings.HasSuffix(file, "_test.go") && holds(t, file, "(?m)^func "+regexp.QuoteMeta(function)+"\\(")
	}
	return strings.HasPrefix(test, "tests/contract/") && holds(t, test, `"clauses"`)
}

func holds(t *testing.T, file, pattern string) bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, file))
	return err == nil && regexp.MustCompile(pattern).Match(text)
}

// found looks into the fragments of the Makefile.
func found(t *testing.T, name, pattern string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "tests/*", name))
	require.NoError(t, err)
	for _, file := range files {
		relative, err := filepath.Rel(root, file)
		require.NoError(t, err)
		if holds(t, relative, "(?m)"+pattern) {
			return true
		}
	}
	return false
}
