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

// The tables of docs/vendors.md and of its Chinese page agree with the rows of
// this package. The English column "tried" is written by hand. With
// LLMAGG_UPDATE=1 the test writes the other columns.
func TestDocument(t *testing.T) {
	tried := triedOf(t, english)
	for _, words := range []*language{english, chinese} {
		page := words.read(t)
		var want, wantDifferences strings.Builder
		for v := range all() {
			want.WriteString(v.documented(words, tried) + "\n")
			if v.quirks != nil {
				wantDifferences.WriteString("| `" + v.name + "` | " + strings.Join(v.differences(words), words.semicolon) + " |\n")
			}
		}
		require.Empty(t, words.missing, "core/vendor/docs_words_test.go has no Chinese for these")
		if os.Getenv("LLMAGG_UPDATE") != "" {
			text := page.before + words.head + want.String() + "\n" + page.between + words.otherwise + wantDifferences.String() + "\n" + page.end
			require.NoError(t, os.WriteFile(words.file, []byte(text), 0o644))
			continue
		}
		const how = "%s: write the tables with LLMAGG_UPDATE=1 go test ./core/vendor -run TestDocument"
		require.Equal(t, want.String(), page.table+"\n", how, words.file)
		require.Equal(t, wantDifferences.String(), page.differences+"\n", how, words.file)
	}
}

// page is a page around its two tables, whose heads are left out.
type page struct{ before, table, between, differences, end string }

func (l *language) read(t *testing.T) (p page) {
	data, err := os.ReadFile(l.file)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(data), l.head)
	require.True(t, found, "%s has no table that begins with %q", l.file, l.head)
	table, after, _ := strings.Cut(rest, "\n\n")
	between, rest, found := strings.Cut(after, l.otherwise)
	require.True(t, found, "%s has no table that begins with %q", l.file, l.otherwise)
	differences, end, _ := strings.Cut(rest, "\n\n")
	return page{before, table, between, differences, end}
}

// triedOf gives the last column of the table, by the first one.
func triedOf(t *testing.T, l *language) map[string]string {
	tried := map[string]string{}
	for line := range strings.SplitSeq(l.read(t).table, "\n") {
		if cells := strings.Split(line, " | "); len(cells) == 6 {
			tried[strings.Trim(cells[0], "| `")] = strings.TrimSuffix(cells[5], " |")
		}
	}
	return tried
}

// differences are the vendor's quirks in words.
func (v *Vendor) differences(w *language) (list []string) {
	q := v.quirks
	say := func(is bool, format string, args ...any) {
		if is {
			list = append(list, w.tidy(fmt.Sprintf(w.of(format), args...)))
		}
	}
	say(len(q.Lacks) > 0, "left out: `%s`", strings.Join(q.Lacks, "`"+w.comma+"`"))
	say(q.OnlyMaxTokens, "`max_completion_tokens` is sent as `max_tokens`")
	for item := range strings.FieldsSeq(q.Renames) {
		name, other, _ := strings.Cut(item, ":")
		say(true, "`%s` is sent as `%s`", name, other)
	}
	for item := range strings.FieldsSeq(q.Choice) {
		name, other, _ := strings.Cut(strings.ReplaceAll(item, ">", ":"), ":")
		say(true, "`tool_choice` %s is sent as `%s`", map[bool]string{true: w.of("that names a tool"), false: "`" + name + "`"}[name == "tool"], other)
	}
	for _, b := range q.Clamps {
		say(true, "`%s` is limited to the range from %v to %v", b.Field, b.Least, b.Most)
	}
	say(q.ToolIDs > 0, "ids of tool calls have %d letters and digits; other ids are replaced, alike in calls and results", q.ToolIDs)
	say(q.Adds[0] != "", "`%s` is added with the value `%s`", q.Adds[0], q.Adds[1])
	say(q.Effort != "", "`reasoning_effort` is sent as `%s`", strings.ReplaceAll(string(q.Effort), " and ", w.of("` and `")))
	say(q.Schema == wire.BySchema, "JSON mode is requested by a schema of any object")
	say(q.Schema != "" && q.Schema != wire.BySchema, "a JSON schema is requested by %s", w.of(string(q.Schema)))
	say(q.EveryThought != "", "in a history with tool calls, each answer gets `reasoning_content`")
	say(q.Turns&wire.OneSystem != 0, "instructions are sent as one message, the first")
	say(q.Turns&wire.Alternate != 0, "messages of one role in a row are sent as one")
	say(q.Turns&wire.Filled != 0, "empty answers of the history are left out")
	for shape, name := range map[wire.Shape]string{wire.Choices: "`n`", wire.Logprobs: "`logprobs`", wire.Spoken: "audio", wire.Tools: "tools", wire.Schema: "a schema"} {
		say(q.Shape&shape != 0, "a request for %s goes to the next route", w.of(name))
	}
	slices.Sort(list)
	return list
}

// documented is the vendor's line of the table.
func (v *Vendor) documented(w *language, tried map[string]string) string {
	code := func(words ...string) string {
		if len(words) == 0 || words[0] == "" {
			return "–"
		}
		return "`" + strings.Join(words, "`"+w.comma+"`") + "`"
	}
	names := append([]string{v.name}, v.aliases.Words()...)
	format := v.own
	if format == "" {
		format = "OpenAI"
	}
	if v.messages != "" {
		format += w.comma + "Anthropic"
	}
	if v.openaiPath != "" {
		format += w.comma + "OpenAI"
	}
	was := tried[strings.Trim("`"+strings.Join(names, "`, `")+"`", "`")]
	if was == "" {
		was = "nothing"
	}
	return "| " + strings.Join([]string{code(names...), code(v.baseURL), code(v.siteNames()...), code(strings.Fields(v.keys)...), format, w.tried(was)}, " | ") + " |"
}
