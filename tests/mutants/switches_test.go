package main

import (
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const program = `package main

import "fmt"

const limit = 1 << 2

var names = []string{
	"a", // a comment
}

type list[T any] struct{ all []T }

func (l *list[T]) add(more ...T) (n int) {
	l.all = append(l.all, more...)
	return len(l.all)
}

func size[T any](of []T, _ bool) int { return len(of) }

func (list[T]) said(string) { fmt.Print("said ") }

func guarded() { defer func() { _ = recover() }(); panic("boom") }

func caught() { _ = recover() }

func main() {
	l := &list[string]{}
	fmt.Print(l.add("x", "y"), " ", size(names, true), " ", limit, " ", names[0], " ")
	l.said("")
	guarded()
	func() { defer caught(); panic("boom") }()
}
`

// TestSwitches runs a program that holds several mutants, two of which change
// the same function, with each of them chosen.
func TestSwitches(t *testing.T) {
	mutants := []struct{ original, mutated, prints string }{
		{"", "", "2 1 4 a said "},
		{"return len(l.all)", "return 7", "7 1 4 a said "},
		{"append(l.all, more...)", "append(l.all, more[1:]...)", "1 1 4 a said "},
		{"return len(of)", "return -1", "2 -1 4 a said "},
		{`Print("said ")`, `Print("kept ")`, "2 1 4 a kept "},
		{"const limit = 1 << 2", "const limit = 1 << 3", "2 1 8 a said "},
		{`"a", //`, `"b", //`, "2 1 4 b said "},
		{`names[0], " ")`, `"-")`, "2 1 4 -said "},
	}
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "program.go"), []byte(program), 0o600))
	s, err := newSwitched(root, "program.go")
	require.NoError(t, err)
	name := func(i int) string { return "mutant-" + string(rune('a'+i)) }
	for i, c := range mutants[1:] {
		m := &mutation{Name: name(i + 1), File: "program.go", Original: c.original, Mutated: c.mutated}
		text, err := m.apply(root)
		require.NoError(t, err)
		require.NoError(t, s.add(m, text))
	}
	require.NoError(t, os.WriteFile(filepath.Join(root, "program.go"), []byte(s.String()), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(root, "chosen.go"), []byte(choosing("main")), 0o600))
	binary := filepath.Join(root, "program")
	output, err := exec.Command("go", "build", "-o", binary, filepath.Join(root, "program.go"), filepath.Join(root, "chosen.go")).CombinedOutput()
	require.NoError(t, err, "%s\n%s", output, s)
	for i, c := range mutants {
		run := exec.Command(binary)
		run.Env = append(os.Environ(), chosenMutant+"="+name(i))
		output, err := run.CombinedOutput()
		require.NoError(t, err, "%s", output)
		require.Equal(t, c.prints, string(output), c.mutated)
	}
}

func TestMutantsThatNeedABinary(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "program.go"), []byte(program), 0o600))
	for original, problem := range map[string]string{
		"(more ...T)":                       "signature",
		"caught() { _ = recover()":          "recover",
		"struct{ all []T }":                 "neither a function nor a value",
		"return len(l.all)\n}\n\nfunc size": "expected",
	} {
		s, err := newSwitched(root, "program.go")
		require.NoError(t, err)
		mutated := map[string]string{"(more ...T)": "(more...T)", "caught() { _ = recover()": "caught() { recover()", "struct{ all []T }": "struct{ all  []T }"}[original]
		require.ErrorContains(t, s.add(&mutation{Name: "x", File: "program.go", Original: original}, []byte(strings.Replace(program, original, mutated, 1))), problem)
	}
}

// TestEveryMutantHasItsSwitch: all of the list fit beside each other, as far as
// the parser can tell. A few may need a binary of their own, which takes time.
func TestEveryMutantHasItsSwitch(t *testing.T) {
	all, err := mutations()
	require.NoError(t, err)
	files, alone := map[string]*switched{}, 0
	for i := range all {
		m := &all[i]
		if files[m.File] == nil {
			files[m.File], err = newSwitched(root, m.File)
			require.NoError(t, err)
		}
		text, err := m.apply(root)
		require.NoError(t, err)
		if err := files[m.File].add(m, text); err != nil {
			t.Log(err)
			alone++
		}
	}
	require.LessOrEqual(t, alone, 10)
	for name, s := range files {
		text := s.String()
		_, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
		require.NoError(t, err, "%s", text)
	}
}
