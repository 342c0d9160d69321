package reference

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/llmagg/llmagg"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

const root = "../.."

// page is a text whose parts between two markers are written from the tables.
type page struct {
	file  string
	parts []part
}

// part is the text after the line that contains begin and before the line that
// begins with end.
type part struct{ begin, end, text string }

func read(t *testing.T, name string) string {
	data, err := os.ReadFile(filepath.Join(root, name))
	require.NoError(t, err)
	return string(data)
}

// literals are the strings in a file of Go between begin and end: what no
// package exports.
func literals(t *testing.T, file, begin, end string) (texts []string) {
	_, rest, found := strings.Cut(read(t, file), begin)
	require.True(t, found, "%s has no %q", file, begin)
	rest, _, _ = strings.Cut(rest, end)
	for _, quoted := range regexp.MustCompile(`"[^"]+"`).FindAllString(rest, -1) {
		texts = append(texts, strings.Trim(quoted, `"`))
	}
	require.NotEmpty(t, texts, file)
	return texts
}

// written gives the page's file with its parts as the tables have them.
func (p page) written(t *testing.T) (is, want string) {
	is = read(t, p.file)
	want = is
	for _, part := range p.parts {
		before, rest, found := strings.Cut(want, part.begin)
		require.True(t, found, "%s has no %q", p.file, part.begin)
		line, rest, _ := strings.Cut(rest, "\n")
		at := strings.Index("\n"+rest, "\n"+part.end)
		require.GreaterOrEqual(t, at, 0, "%s has no line %q after %q", p.file, part.end, part.begin)
		want = before + part.begin + line + "\n" + part.text + rest[at:]
	}
	return is, want
}

// What users read is what the tables say. With LLMAGG_UPDATE=1 (`make
// reference`) the test writes it.
func TestReference(t *testing.T) {
	for group := range groupsOfTheTable() {
		require.NotEmpty(t, groups[group], "tests/reference/tables.go does not say what the group %q is for", group)
	}
	for _, c := range llm.Codes()[1:] {
		require.NotEmpty(t, codes[c].advice, "tests/reference/codes.go has no row for %s", c)
	}
	zh, err := chinese([]byte(read(t, "tests/reference/zh.json")))
	require.NoError(t, err)
	pages := []page{
		configurationPage("docs/reference/configuration.md", english()),
		errorsPage(t, "docs/reference/errors.md", english()),
		configurationPage("docs/reference/configuration.zh.md", zh),
		errorsPage(t, "docs/reference/errors.zh.md", zh),
		{"include/llmagg.h", []part{
			{"OPTIONS of a call", " *\n", headerList(options(false), "    ") + headerList(options(true), "    ")},
			{" * The keys, a list", " * In a string, ", headerConfiguration()},
			{"enum { /* made by `make reference` */", "};", headerCodes()},
		}},
		{"bindings/python/src/llmagg/config.py", []part{{"    Attributes:", `    """`, docstring()}}},
		{"bindings/python/src/llmagg/_shown.py", []part{{"KEY_MARKS = (", ")", pythonTexts(literals(t, "core/internal/shown/shown.go", "secretMarks = ", "\n"))}}},
		{"bindings/python/src/llmagg/_bounds.py", []part{{"ADVICE = (", ")", pythonText(llm.AdviceOnPrices)}}},
		{"bindings/python/src/llmagg/settings.py", []part{
			{"DEFAULT_MODELS = {", "}", pythonModels(llmagg.DefaultModels)},
			{"_ENDS = (", ")", pythonTexts(strings.Fields(literals(t, "core/vendor/key.go", "endings = ", "\n")[0]))},
		}},
		{"bindings/python/src/llmagg/vendor_params.py", []part{{`    """Fields of single vendors`, "    # end", vendorFields(read(t, "bindings/python/src/llmagg/params.py"))}}},
	}
	for _, p := range pages {
		is, want := p.written(t)
		if os.Getenv("LLMAGG_UPDATE") != "" {
			require.NoError(t, os.WriteFile(filepath.Join(root, p.file), []byte(want), 0o644))
			continue
		}
		require.Equal(t, want, is, "%s is not what the tables say; write it with `make reference`", p.file)
	}
	if len(zh.missing) > 0 {
		lines, err := json.MarshalIndent(zh.missing, "", "  ")
		require.NoError(t, err)
		t.Logf("texts without Chinese, for tests/reference/zh.json:\n%s", lines)
	}
}

func groupsOfTheTable() map[string]bool {
	found := map[string]bool{}
	for _, t := range configuration() {
		if t.group != "" {
			found[t.group] = true
		}
	}
	return found
}

const made = "<!-- made by `make reference`: "

func configurationPage(file string, w *words) page {
	var keys strings.Builder
	for _, t := range configuration() {
		if t.group != "" {
			keys.WriteString("\n### `" + t.group + "`\n\n" + w.of(groups[t.group]+".") + "\n\n")
		}
		keys.WriteString(markdown(t.rows, w))
	}
	return page{file, []part{
		{made + "keys -->", "<!-- end -->", "\n" + keys.String() + "\n"},
		{made + "options -->", "<!-- end -->", "\n" + markdown(options(false), w) + "\n"},
		{made + "internal options -->", "<!-- end -->", "\n" + markdown(options(true), w) + "\n"},
	}}
}

func errorsPage(t *testing.T, file string, w *words) page {
	advice, follows := errorTables(w, read(t, "bindings/python/src/llmagg/errors.py"))
	return page{file, []part{
		{made + "advice -->", "<!-- end -->", "\n" + advice + "\n"},
		{made + "effects -->", "<!-- end -->", "\n" + follows + "\n"},
	}}
}

// Each option of a call is typed in Python.
func TestOptionsAreTyped(t *testing.T) {
	source := read(t, "bindings/python/src/llmagg/params.py")
	for _, s := range options(false) {
		require.Contains(t, source, "\n    "+s.Name+": ", "bindings/python/src/llmagg/params.py has no option %q", s.Name)
	}
}
