package architecture_test

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// The bounds that CONTRIBUTING.md names.
const (
	fileLines    = 400
	funcLines    = 60
	commentWidth = 80 // a tab counts as one column
)

// A file has one subject and a function one task: both stay short. Tests may be
// longer, since their tables grow with the cases.
func TestFilesAndFunctionsAreShort(t *testing.T) {
	for _, path := range goFiles(t, "core", "capi") {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		if n := files.Position(file.FileEnd).Line; n > fileLines+1 {
			t.Errorf("%s has %d lines; split it by subject (at most %d)", path, n, fileLines)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			from, to := files.Position(f.Pos()).Line, files.Position(f.End()).Line
			if n := to - from + 1; n > funcLines {
				t.Errorf("%s:%d: %s has %d lines; split it (at most %d)", path, from, f.Name, n, funcLines)
			}
		}
	}
}

// Comments that have lines of their own wrap alike everywhere.
func TestCommentsWrap(t *testing.T) {
	for _, path := range goFiles(t, "core", "capi", "examples", "tests") {
		if strings.HasSuffix(path, "example_test.go") {
			continue // what an example prints stands there as it is
		}
		file, err := os.Open(path)
		require.NoError(t, err)
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 1<<20)
		for n := 1; lines.Scan(); n++ {
			text := lines.Text()
			comment := strings.TrimLeft(text, " \t")
			if utf8.RuneCountInString(text) <= commentWidth || !strings.HasPrefix(comment, "// ") || !strings.Contains(comment[3:], " ") {
				continue // short, or code, or a word that cannot be broken
			}
			t.Errorf("%s:%d: the comment has %d columns; wrap it at %d", path, n, utf8.RuneCountInString(text), commentWidth)
		}
		require.NoError(t, lines.Err())
		require.NoError(t, file.Close())
	}
}

func goFiles(t *testing.T, folders ...string) (paths []string) {
	t.Helper()
	for _, folder := range folders {
		root := filepath.Join("..", "..", folder)
		require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.HasSuffix(path, ".go") {
				paths = append(paths, path)
			}
			return err
		}))
	}
	require.NotEmpty(t, paths)
	return paths
}
