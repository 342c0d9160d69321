package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// chosenMutant is the environment variable that names the mutant to be run.
const chosenMutant = "LLMAGG_MUTANT"

// A switched is a file of the core that holds its mutants beside the original
// text: a function with a mutation begins with a switch that calls its mutated
// copy when that mutant is chosen, and the value of a package's variable or
// constant is chosen once.
type switched struct {
	text      []byte
	positions *token.FileSet
	file      *ast.File
	functions map[*ast.FuncDecl][]*mutation
	values    map[*ast.ValueSpec][]alternative
	copies    strings.Builder // the mutated functions, appended to the file
}

// alternative is a mutated value of a package's variable or constant.
type alternative struct{ mutant, value string }

// edit replaces text[from:to].
type edit struct {
	from, to int
	text     string
}

// newSwitched reads the file under root, the module's folder.
func newSwitched(root, file string) (*switched, error) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
	if err != nil {
		return nil, err
	}
	s := &switched{text: text, positions: token.NewFileSet(), functions: map[*ast.FuncDecl][]*mutation{}, values: map[*ast.ValueSpec][]alternative{}}
	s.file, err = parser.ParseFile(s.positions, file, text, parser.SkipObjectResolution)
	return s, err
}

func (s *switched) offset(p token.Pos) int { return s.positions.Position(p).Offset }

func (s *switched) source(from, to token.Pos) string {
	return string(s.text[s.offset(from):s.offset(to)])
}

// add takes one mutation in; mutated is the file's whole text with it. The
// error says why the mutation needs a binary of its own.
func (s *switched) add(m *mutation, mutated []byte) error {
	changed := &switched{text: mutated, positions: token.NewFileSet()}
	var err error
	if changed.file, err = parser.ParseFile(changed.positions, m.File, mutated, parser.SkipObjectResolution); err != nil {
		return err
	}
	at := bytes.Index(s.text, []byte(m.Original)) + m.unchanged()
	i := slices.IndexFunc(s.file.Decls, func(d ast.Decl) bool {
		return s.offset(d.Pos()) <= at && at < s.offset(d.End())
	})
	if i < 0 || len(changed.file.Decls) != len(s.file.Decls) {
		return fmt.Errorf("%s is outside of every declaration", m.Name)
	}
	switch d := s.file.Decls[i].(type) {
	case *ast.FuncDecl:
		return s.addFunction(m, d, changed, changed.file.Decls[i].(*ast.FuncDecl))
	case *ast.GenDecl:
		for j, spec := range d.Specs {
			if v, ok := spec.(*ast.ValueSpec); ok && s.offset(v.Pos()) <= at && at < s.offset(v.End()) {
				return s.addValue(m, d, v, changed, changed.file.Decls[i].(*ast.GenDecl).Specs[j].(*ast.ValueSpec))
			}
		}
	}
	return fmt.Errorf("%s changes neither a function nor a value", m.Name)
}

func (s *switched) addFunction(m *mutation, d *ast.FuncDecl, changed *switched, c *ast.FuncDecl) error {
	if s.source(d.Pos(), d.Body.Pos()) != changed.source(c.Pos(), c.Body.Pos()) {
		return fmt.Errorf("%s changes a function's signature", m.Name)
	}
	if recovers(c.Body) || recovers(d.Body) {
		return fmt.Errorf("%s: recover works only in the deferred function itself", m.Name)
	}
	s.functions[d] = append(s.functions[d], m)
	// The directive makes the compiler tell the mutant's name with an error.
	fmt.Fprintf(&s.copies, "\n//line %s.mutant:1\n%s%s%s\n", m.Name,
		changed.source(c.Pos(), c.Name.Pos()), copyName(d, m), changed.source(c.Name.End(), c.End()))
	return nil
}

// recovers tells whether the function calls recover itself.
func recovers(body *ast.BlockStmt) bool {
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.CallExpr:
			name, ok := n.Fun.(*ast.Ident)
			found = found || ok && name.Name == "recover"
		}
		return true
	})
	return found
}

func copyName(d *ast.FuncDecl, m *mutation) string {
	return d.Name.Name + "_mutant_" + strings.ReplaceAll(m.Name, "-", "_")
}

func (s *switched) addValue(m *mutation, d *ast.GenDecl, v *ast.ValueSpec, changed *switched, c *ast.ValueSpec) error {
	if len(v.Names) != 1 || len(v.Values) != 1 || len(c.Values) != 1 || v.Names[0].Name != c.Names[0].Name {
		return fmt.Errorf("%s: the value stands in a list", m.Name)
	}
	if d.Tok == token.CONST && usesIota(d) {
		return fmt.Errorf("%s: a constant of an enumeration", m.Name)
	}
	value := c.Values[0]
	s.values[v] = append(s.values[v], alternative{m.Name, changed.source(value.Pos(), value.End())})
	return nil
}

// usesIota tells whether a constant of the group has its value from its place.
func usesIota(d *ast.GenDecl) bool {
	found := false
	ast.Inspect(d, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && len(v.Values) == 0 {
			found = true
		}
		name, ok := n.(*ast.Ident)
		found = found || ok && name.Name == "iota"
		return true
	})
	return found
}

// String is the file with all of its mutants.
func (s *switched) String() string {
	var edits []edit
	var variables strings.Builder
	for _, d := range s.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if mutants := s.functions[d]; mutants != nil {
				edits = append(edits, s.dispatch(d, mutants)...)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				v, _ := spec.(*ast.ValueSpec)
				if s.values[v] == nil {
					continue
				}
				e := s.choice(v)
				if d.Tok == token.CONST { // a variable takes its place
					fmt.Fprintf(&variables, "\nvar %s = %s\n", v.Names[0].Name, e.text)
					e = edit{from: s.offset(v.Pos()), to: s.offset(v.End())}
					if !d.Lparen.IsValid() {
						e.from = s.offset(d.Pos())
					}
				}
				edits = append(edits, e)
			}
		}
	}
	slices.SortFunc(edits, func(a, b edit) int { return a.from - b.from })
	var b strings.Builder
	done := 0
	for _, e := range edits {
		b.Write(s.text[done:e.from])
		b.WriteString(e.text)
		done = e.to
	}
	b.Write(s.text[done:])
	return b.String() + variables.String() + s.copies.String()
}

// dispatch makes the function call its mutated copy when it is chosen.
func (s *switched) dispatch(d *ast.FuncDecl, mutants []*mutation) []edit {
	var edits []edit
	receiver := ""
	if d.Recv != nil {
		names, named := s.named(d.Recv, "mutantReceiver")
		receiver, edits = names[0]+".", named
	}
	arguments, named := s.named(d.Type.Params, "mutantParameter")
	edits = append(edits, named...)
	types := ""
	if d.Type.TypeParams != nil {
		names, _ := s.named(d.Type.TypeParams, "")
		types = "[" + strings.Join(names, ", ") + "]"
	}
	var b strings.Builder
	b.WriteString(" switch mutantChosen {")
	for _, m := range mutants {
		call := receiver + copyName(d, m) + types + "(" + strings.Join(arguments, ", ") + ")"
		if d.Type.Results.NumFields() > 0 {
			call = "return " + call
		} else {
			call += "; return"
		}
		fmt.Fprintf(&b, " case %q: %s;", m.Name, call)
	}
	b.WriteString(" };")
	at := s.offset(d.Body.Lbrace) + 1
	return append(edits, edit{at, at, b.String()})
}

// named lists the fields' names as arguments of a call, and the edits that
// name those without a name.
func (s *switched) named(fields *ast.FieldList, prefix string) (names []string, edits []edit) {
	for _, f := range fields.List {
		more := ""
		if _, ok := f.Type.(*ast.Ellipsis); ok {
			more = "..."
		}
		if len(f.Names) == 0 {
			name := fmt.Sprint(prefix, len(names))
			at := s.offset(f.Type.Pos())
			names, edits = append(names, name+more), append(edits, edit{at, at, name + " "})
		}
		for _, n := range f.Names {
			name := n.Name
			if name == "_" {
				name = fmt.Sprint(prefix, len(names))
				edits = append(edits, edit{s.offset(n.Pos()), s.offset(n.End()), name})
			}
			names = append(names, name+more)
		}
	}
	return names, edits
}

// choice is the value with its alternatives, in place of the original value.
func (s *switched) choice(v *ast.ValueSpec) edit {
	value, kind := v.Values[0], ""
	if v.Type != nil {
		kind = "[" + s.source(v.Type.Pos(), v.Type.End()) + "]"
	}
	text := s.source(value.Pos(), value.End())
	for _, a := range s.values[v] {
		text = fmt.Sprintf("mutantValue%s(%q, %s, %s)", kind, a.mutant, a.value, text)
	}
	return edit{s.offset(value.Pos()), s.offset(value.End()), text}
}

// choosing is the file that each package with mutants gets.
func choosing(packageName string) string {
	return fmt.Sprintf(`package %s

import "os"

var mutantChosen = os.Getenv(%q)

func mutantValue[T any](name string, mutated, original T) T {
	if name == mutantChosen {
		return mutated
	}
	return original
}
`, packageName, chosenMutant)
}
