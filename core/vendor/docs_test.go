package vendor

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// docs/vendors.md has a row for each vendor, which says what the table says.
// Its last column, what was tried against what, is written by hand. With
// LLMAGG_UPDATE=1 the test writes the other columns.
func TestDocument(t *testing.T) {
	const file = "../../docs/vendors.md"
	const head = "| vendor | address | sites | key variables | format | tried |\n|---|---|---|---|---|---|\n"
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(data), head)
	require.True(t, found, "docs/vendors.md has no table that begins with %q", head)
	table, after, _ := strings.Cut(rest, "\n\n")
	tried := map[string]string{}
	for line := range strings.SplitSeq(table, "\n") {
		if cells := strings.Split(line, " | "); len(cells) == 6 {
			tried[strings.Trim(cells[0], "| `")] = strings.TrimSuffix(cells[5], " |")
		}
	}
	var want strings.Builder
	for v := range all() {
		want.WriteString(v.documented(tried) + "\n")
	}
	if os.Getenv("LLMAGG_UPDATE") != "" {
		require.NoError(t, os.WriteFile(file, []byte(before+head+want.String()+"\n"+after), 0o644))
		return
	}
	require.Equal(t, want.String(), table+"\n", "write the table with LLMAGG_UPDATE=1 go test ./core/vendor -run TestDocument")
}

// documented is the vendor's line of the table.
func (v *Vendor) documented(tried map[string]string) string {
	code := func(words ...string) string {
		if len(words) == 0 || words[0] == "" {
			return "–"
		}
		return "`" + strings.Join(words, "`, `") + "`"
	}
	name := "`" + v.name + "`"
	for alias := range strings.FieldsSeq(v.aliases) {
		name += ", `" + alias + "`"
	}
	format := v.own
	if format == "" {
		format = "OpenAI"
	}
	if v.messages != "" {
		format += ", Anthropic"
	}
	if v.openaiPath != "" {
		format += ", OpenAI"
	}
	was := tried[strings.Trim(name, "| `")]
	if was == "" {
		was = "nothing"
	}
	return "| " + strings.Join([]string{name, code(v.baseURL), code(v.siteNames()...), code(strings.Fields(v.keys)...), format, was}, " | ") + " |"
}
