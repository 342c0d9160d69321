package architecture_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Everything public in the core has a doc comment: a method of a public type,
// a type, a function, a group of constants or each one in it.
func TestEverythingPublicIsDocumented(t *testing.T) {
	own, _ := core(t)
	var missing []string
	for _, p := range own {
		explained := false
		for _, file := range p.GoFiles {
			set := token.NewFileSet()
			parsed, err := parser.ParseFile(set, filepath.Join(p.Dir, file), nil, parser.ParseComments|parser.SkipObjectResolution)
			require.NoError(t, err)
			explained = explained || parsed.Doc != nil
			for _, d := range parsed.Decls {
				for _, name := range undocumented(d) {
					missing = append(missing, p.name()+"/"+file+": "+name)
				}
			}
		}
		require.True(t, explained, "%s has no package comment", p.name())
	}
	require.Empty(t, missing, strings.Join(missing, "\n"))
}

// undocumented lists the public names of a declaration that nothing explains.
func undocumented(d ast.Decl) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && publicReceiver(d) {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && s.Doc == nil && d.Doc == nil {
					names = append(names, s.Name.Name)
				}
			case *ast.ValueSpec:
				for _, n := range s.Names {
					if n.IsExported() && s.Doc == nil && s.Comment == nil && d.Doc == nil {
						names = append(names, n.Name)
					}
				}
			}
		}
	}
	return names
}

// publicReceiver tells whether a function can be called from outside: it is no
// method of a private type.
func publicReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	receiver := d.Recv.List[0].Type
	if star, ok := receiver.(*ast.StarExpr); ok {
		receiver = star.X
	}
	if generic, ok := receiver.(*ast.IndexExpr); ok {
		receiver = generic.X
	}
	name, ok := receiver.(*ast.Ident)
	return ok && name.IsExported()
}
