package vendor

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/core/wire"
	"github.com/stretchr/testify/require"
)

// The tables of docs/vendors.md agree with the rows of this package. The column
// "tried" is written by hand. With LLMAGG_UPDATE=1 the test writes the other
// columns.
func TestDocument(t *testing.T) {
	const file = "../../docs/vendors.md"
	const head = "| vendor | address | sites | key variables | format | tried |\n|---|---|---|---|---|---|\n"
	const otherwise = "| vendor | difference from OpenAI |\n|---|---|\n"
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
	between, rest, found := strings.Cut(after, otherwise)
	require.True(t, found, "docs/vendors.md has no table that begins with %q", otherwise)
	differences, end, _ := strings.Cut(rest, "\n\n")
	var want, wantDifferences strings.Builder
	for v := range all() {
		want.WriteString(v.documented(tried) + "\n")
		if v.quirks != nil {
			wantDifferences.WriteString("| `" + v.name + "` | " + strings.Join(v.differences(), "; ") + " |\n")
		}
	}
	if os.Getenv("LLMAGG_UPDATE") != "" {
		text := before + head + want.String() + "\n" + between + otherwise + wantDifferences.String() + "\n" + end
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
		return
	}
	const how = "write the tables with LLMAGG_UPDATE=1 go test ./core/vendor -run TestDocument"
	require.Equal(t, want.String(), table+"\n", how)
	require.Equal(t, wantDifferences.String(), differences+"\n", how)
}

// differences are the vendor's quirks in words.
func (v *Vendor) differences() (list []string) {
	q := v.quirks
	say := func(is bool, format string, args ...any) {
		if is {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	say(len(q.Lacks) > 0, "left out: `%s`", strings.Join(q.Lacks, "`, `"))
	say(q.OnlyMaxTokens, "`max_completion_tokens` is sent as `max_tokens`")
	for item := range strings.FieldsSeq(q.Renames) {
		name, other, _ := strings.Cut(item, ":")
		say(true, "`%s` is sent as `%s`", name, other)
	}
	for item := range strings.FieldsSeq(q.Choice) {
		name, other, _ := strings.Cut(strings.ReplaceAll(item, ">", ":"), ":")
		say(true, "`tool_choice` %s is sent as `%s`", map[bool]string{true: "that names a tool", false: "`" + name + "`"}[name == "tool"], other)
	}
	for _, b := range q.Clamps {
		say(true, "`%s` is limited to the range from %v to %v", b.Field, b.Least, b.Most)
	}
	say(q.ToolIDs > 0, "ids of tool calls have %d letters and digits; other ids are replaced, alike in calls and results", q.ToolIDs)
	say(q.Adds[0] != "", "`%s` is added with the value `%s`", q.Adds[0], q.Adds[1])
	say(q.Effort != "", "`reasoning_effort` is sent as `%s`", strings.ReplaceAll(string(q.Effort), " and ", "` and `"))
	say(q.Schema != "", "a JSON schema is requested by %s", q.Schema)
	say(q.EveryThought, "in a history with tool calls, each answer gets `reasoning_content`")
	for shape, name := range map[wire.Shape]string{wire.Choices: "`n`", wire.Logprobs: "`logprobs`", wire.Spoken: "audio", wire.Tools: "tools", wire.Schema: "a schema"} {
		say(q.Shape&shape != 0, "a request for %s goes to the next route", name)
	}
	slices.Sort(list)
	return list
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
