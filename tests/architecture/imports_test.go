// Package architecture_test holds what the design says about the shape of the
// Go code: who may import whom, and where a third-party library may be used.
package architecture_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/llmagg/llmagg/"

// mayImport says which packages of this module each package of the core may
// import: llm ← client ← provider ← manager ← aggregator, and the fault wall
// aside. What is in core/internal stands below all of them.
var mayImport = map[string][]string{
	"core/internal/alarm":     nil,
	"core/internal/callstate": {"core/llm", "core/internal/alarm"},
	"core/internal/routing":   {"core/internal/callstate", "core/breaker", "core/llm", "core/observe", "core/rate", "core/wire"},
	"core/internal/jsontext":  nil,
	"core/internal/parallel":  nil,
	"core/internal/setting":   {"core/internal/shown"},
	"core/internal/shown":     {"core/internal/jsontext"},
	"core/internal/suggest":   {"core/internal/shown"},
	"core/internal/wordlist":  nil,
	"core/llm":                nil,
	"core/price":              {"core/llm"},
	"core/price/shipped":      nil,
	"core/config":             {"core/llm", "core/price"},
	"core/observe":            {"core/llm"},
	"core/meter":              {"core/llm"},
	"core/cache":              {"core/llm"},
	"core/breaker":            nil,
	"core/limit":              nil,
	"core/rate":               nil,
	"core/strategy":           {"core/llm"},
	"core/transport":          {"core/llm"},
	"core/failure":            {"core/llm"},
	"core/wire":               {"core/llm", "core/failure"},
	"core/wire/eventstream":   nil,
	"core/wire/awsstream":     {"core/wire/eventstream"},
	"core/wire/anthropic":     {"core/llm", "core/failure", "core/wire"},
	"core/wire/bedrock":       {"core/llm", "core/failure", "core/wire"},
	"core/wire/gemini":        {"core/llm", "core/failure", "core/wire"},
	"core/wire/ollama":        {"core/llm", "core/failure", "core/wire"},
	"core/wire/openai":        {"core/llm", "core/failure", "core/wire"},
	"core/wire/responses":     {"core/llm", "core/failure", "core/wire"},
	"core/credential":         {"core/llm", "core/config", "core/failure", "core/transport"},
	"core/vendor":             {"core/llm", "core/credential", "core/wire", "core/wire/anthropic", "core/wire/bedrock", "core/wire/gemini", "core/wire/ollama", "core/wire/openai", "core/wire/responses"},
	"core/exchange":           {"core/llm", "core/failure", "core/transport", "core/credential", "core/wire", "core/wire/awsstream", "core/wire/eventstream"},
	"core/client":             {"core/llm", "core/config", "core/credential", "core/failure", "core/wire", "core/transport", "core/vendor", "core/exchange", "core/breaker", "core/limit", "core/observe", "core/price", "core/strategy", "core/rate", "core/meter"},
	"core/provider":           {"core/llm", "core/config", "core/client", "core/observe", "core/vendor"},
	"core/manager":            {"core/llm", "core/client", "core/provider", "core/limit", "core/observe", "core/meter"},
	"core/fleet":              {"core/llm", "core/breaker", "core/client", "core/config", "core/manager", "core/observe", "core/rate"},
	"core/fleet/valkey":       {"core/llm", "core/breaker", "core/config", "core/fleet"},
	"core/aggregator":         {"core/cache", "core/fleet", "core/llm", "core/breaker", "core/config", "core/failure", "core/client", "core/provider", "core/manager", "core/limit", "core/observe", "core/strategy", "core/wire"},
	"core/bulk":               {"core/llm", "core/aggregator"},
	"core/faultwall":          {"core/llm"},
}

// onlyIn says in which one file a library stands, so that it can be exchanged
// there; a folder means any file in it.
var onlyIn = map[string][]string{
	"github.com/sony/gobreaker/v2":   {"core/breaker/circuit.go"},
	"github.com/valkey-io/valkey-go": {"core/fleet/valkey/"},
	"golang.org/x/sync":              {"core/limit/"},
	"golang.org/x/time":              nil,                          // tests only
	"golang.org/x/net/proxy":         {"core/transport/tunnel.go"}, // 33 KB of the shared library; httpproxy, tests only, would be 190
	"github.com/json-iterator/go":    {"core/llm/json.go"},
	"github.com/stretchr/testify":    nil, // tests only
	"go.uber.org/goleak":             nil, // tests only
	"github.com/llmagg/llmagg/capi":  nil,
	"github.com/llmagg/llmagg/tests": nil,
}

// goPackage is what `go list -json` tells.
type goPackage struct {
	ImportPath, Dir   string
	Standard          bool
	GoFiles, CgoFiles []string
	Imports           []string
}

func (p *goPackage) name() string { return strings.TrimPrefix(p.ImportPath, module) }

// core lists the packages of the core and all that they depend on.
func core(t *testing.T) (own []goPackage, all map[string]goPackage) {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Dir,Standard,GoFiles,CgoFiles,Imports", "./core/...")
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.Output()
	require.NoError(t, err)
	all = map[string]goPackage{}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		err := decoder.Decode(&p)
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		all[p.ImportPath] = p
		if strings.HasPrefix(p.ImportPath, module) {
			own = append(own, p)
		}
	}
	require.NotEmpty(t, own)
	return own, all
}

func TestImportsGoOneWay(t *testing.T) {
	own, _ := core(t)
	seen := map[string]bool{}
	for _, p := range own {
		allowed, known := mayImport[p.name()]
		require.True(t, known, "the design does not know the package %s: say in mayImport what it may import", p.name())
		seen[p.name()] = true
		for _, imported := range p.Imports {
			name, ours := strings.CutPrefix(imported, module)
			if ours && (strings.HasPrefix(p.name(), "core/internal/") || !strings.HasPrefix(name, "core/internal/")) {
				require.Contains(t, allowed, name, "%s imports %s", p.name(), name)
			}
		}
	}
	for name := range mayImport {
		require.True(t, seen[name], "%s is gone", name)
	}
}

// The core is pure Go, whatever the standard library does on this machine.
func TestNoCgoInTheCore(t *testing.T) {
	_, all := core(t)
	for _, p := range all {
		if p.Standard {
			continue
		}
		require.Empty(t, p.CgoFiles, "%s uses cgo", p.ImportPath)
		require.NotContains(t, p.Imports, "C", p.ImportPath)
	}
}

func TestEventStreamNeedsTheStandardLibraryOnly(t *testing.T) {
	_, all := core(t)
	for _, imported := range all[module+"core/wire/eventstream"].Imports {
		require.True(t, all[imported].Standard, "eventstream imports %s", imported)
	}
}

// Some packages are large for what the core would use of them, and the shared
// library has a limit (tests/capi/symbols.sh).
func TestLargePackagesStayOut(t *testing.T) {
	_, all := core(t)
	for _, large := range []string{"regexp", "html", "text/template", "encoding/gob", "golang.org/x/net/idna"} {
		for path, p := range all {
			if path != "github.com/valkey-io/valkey-go" { // with regexp; the library has it with FLEET=1 only
				require.NotContains(t, p.Imports, large, "%s imports %s", path, large)
			}
		}
	}
}

// JSON meets Go types by one library, that of core/llm/json.go. A second one,
// encoding/json's, would take 200 KB of the shared library; its scanner, which
// Valid and Compact use, is small.
func TestOneLibraryMeetsTypes(t *testing.T) {
	own, _ := core(t)
	for _, p := range own {
		for _, file := range p.GoFiles {
			parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, file), nil, 0)
			require.NoError(t, err)
			ast.Inspect(parsed, func(n ast.Node) bool {
				if s, is := n.(*ast.SelectorExpr); is {
					if of, is := s.X.(*ast.Ident); is && of.Name == "json" {
						require.NotContains(t, []string{"Marshal", "MarshalIndent", "Unmarshal", "NewEncoder", "NewDecoder"}, s.Sel.Name, "%s/%s: use llm.JSON", p.name(), file)
					}
				}
				return true
			})
		}
	}
}

func TestEachLibraryStandsInItsPlace(t *testing.T) {
	own, all := core(t)
	for _, p := range own {
		for _, file := range p.GoFiles {
			parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, file), nil, parser.ImportsOnly)
			require.NoError(t, err)
			for _, spec := range parsed.Imports {
				path, err := strconv.Unquote(spec.Path.Value)
				require.NoError(t, err)
				if all[path].Standard || strings.HasPrefix(path, module+"core/") {
					continue
				}
				place := p.name() + "/" + file
				require.True(t, allowedAt(path, place), "%s imports %s", place, path)
			}
		}
	}
}

// allowedAt tells whether a library may be imported by a file. A library that
// nobody wrote down is allowed nowhere: a new dependency needs a reason.
func allowedAt(path, file string) bool {
	for library, places := range onlyIn {
		if path != library && !strings.HasPrefix(path, library+"/") {
			continue
		}
		return slices.ContainsFunc(places, func(place string) bool {
			return file == place || strings.HasSuffix(place, "/") && strings.HasPrefix(file, place)
		})
	}
	return false
}
