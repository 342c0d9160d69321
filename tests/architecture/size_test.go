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
	packageLines = 10 // of a package comment
)

// A file has one subject and a function one task: both stay short. Tests may be
// longer, since their tables grow with the cases.
func TestFilesAndFunctionsAreShort(t *testing.T) {
	for _, path := range goFiles(t, "core", "capi", "otel", "prom") {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution|parser.ParseComments)
		require.NoError(t, err)
		if n := strings.Count(file.Doc.Text(), "\n"); n > packageLines {
			t.Errorf("%s: the package comment has %d lines; say less (at most %d)", path, n, packageLines)
		}
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

// The same holds of C, whose functions begin and end at the margin.
func TestFilesAndFunctionsOfCAreShort(t *testing.T) {
	for _, path := range append(filesIn(t, ".c", "capi"), filesIn(t, ".h", "capi")...) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		lines := strings.Split(string(text), "\n")
		if len(lines) > fileLines+1 {
			t.Errorf("%s has %d lines; split it by subject (at most %d)", path, len(lines)-1, fileLines)
		}
		from := 0
		for i, line := range lines {
			if line != "" && line != "}" && !strings.HasPrefix(line, " ") {
				from = i
			}
			if line == "}" && i-from >= funcLines {
				t.Errorf("%s:%d: the function has %d lines; split it (at most %d)", path, from+1, i-from+1, funcLines)
			}
		}
	}
}

// Comments that have lines of their own wrap alike everywhere.
func TestCommentsWrap(t *testing.T) {
	for _, path := range goFiles(t, "core", "capi", "otel", "prom", "examples", "tests") {
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

func goFiles(t *testing.T, folders ...string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "..", "*.go")) // the package llmagg
	require.NoError(t, err)
	return append(paths, filesIn(t, ".go", folders...)...)
}

// filesIn are the files of folders whose names end so.
func filesIn(t *testing.T, ending string, folders ...string) (paths []string) {
	t.Helper()
	for _, folder := range folders {
		root := filepath.Join("..", "..", folder)
		require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.HasSuffix(path, ending) {
				paths = append(paths, path)
			}
			return err
		}))
	}
	require.NotEmpty(t, paths)
	return paths
}
