// Package reference writes what users read about settings and errors from the
// tables that the library reads them by: the pages in docs/reference, the lists
// in include/llmagg.h, and the docstring of Python's ModelConfig.
//
// `make reference` writes them; the test fails where they differ.
package reference

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
)

// groups says what each object of the configuration is for.
var groups = map[string]string{
	"auth":    "A credential instead of `api_key`; what is missing is looked for where the cloud's SDKs look",
	"price":   "What tokens cost: a response's `cost` is by what the provider says, else by this",
	"breaker": "The circuit breaker of the route",
	"retry":   "Waits between attempts, and how many retries there may be",
	"fleet":   "What processes that share the route tell each other, through a store that they share",
	"bulk":    "What jobs of many rows (llmagg.bulk, core/bulk in Go) do where they do not say otherwise",
	"rate":    "Requests and tokens a minute that this route is asked for",
	"limits":  "The largest sizes of an answer, in bytes",
}

// setting is a row of the library's tables, whose own type is internal.
type setting struct {
	Name, Type, Default, Meaning, Group string
	Internal                            bool
}

// table is a part of the reference: the settings of one group, or all without
// one.
type table struct {
	group string
	rows  []setting
}

// configuration gives the keys of a model, then each group.
func configuration() []table {
	tables := []table{{}}
	for _, row := range config.AllSettings().Configuration {
		s := setting(row)
		i := slices.IndexFunc(tables, func(t table) bool { return t.group == s.Group })
		if i < 0 {
			tables, i = append(tables, table{group: s.Group}), len(tables)
		}
		tables[i].rows = append(tables[i].rows, s)
	}
	return tables
}

// options gives the options of a call: those of every door, or those of the
// bindings and of C.
func options(internal bool) (rows []setting) {
	for _, s := range llm.OptionSettings() {
		if s.Internal == internal {
			rows = append(rows, setting(s))
		}
	}
	return rows
}

// value is a default as people write it: 64 MiB instead of 67108864.
func value(s setting) string {
	if n, err := strconv.Atoi(s.Default); err == nil && s.Type == "bytes" && n%(1<<20) == 0 {
		return strconv.Itoa(n>>20) + " MiB"
	}
	if s.Type == "seconds" && isNumber(s.Default) {
		return s.Default + " s"
	}
	return s.Default
}

func isNumber(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

// markdown is a table of settings in the language of words.
func markdown(rows []setting, words *words) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s |\n|---|---|---|---|\n", strings.Join(words.heads, " | "))
	for _, s := range rows {
		byDefault := words.of(value(s))
		if byDefault == "" {
			byDefault = "–"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.Name, words.of(s.Type), byDefault, words.of(s.Meaning))
	}
	return b.String()
}

// wrapped breaks text into lines of at most width characters, each with indent
// before it.
func wrapped(text, indent string, width int) string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && utf8.RuneCountInString(indent+line+" "+word) > width {
			lines = append(lines, indent+line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return strings.Join(append(lines, indent+line), "\n") + "\n"
}

// described is a setting as sentences of plain text, without the last stop.
func described(s setting) string {
	text := s.Type
	if d := value(s); d != "" {
		text += "; default: " + d
	}
	return text + ". " + strings.ToUpper(s.Meaning[:1]) + s.Meaning[1:]
}

// headerList is the list of settings in the comment of the header.
func headerList(rows []setting, indent string) string {
	var b strings.Builder
	for _, s := range rows {
		lines := strings.SplitN(wrapped(strconv.Quote(s.Name)+": "+described(s), " * "+indent+"    ", 130), "\n", 2)
		b.WriteString(strings.Replace(lines[0], indent+"    ", indent, 1) + "\n" + lines[1])
	}
	return b.String()
}

// headerConfiguration is the list of the configuration's keys.
func headerConfiguration() string {
	var b strings.Builder
	for _, t := range configuration() {
		indent := "    "
		if t.group != "" {
			b.WriteString(wrapped(strconv.Quote(t.group)+": object. "+groups[t.group], " *     ", 130))
			indent += "    "
		}
		b.WriteString(headerList(t.rows, indent))
	}
	return strings.ReplaceAll(b.String(), "`", "\"")
}

// docstring is the list of keys in the docstring of ModelConfig.
func docstring() string {
	var b strings.Builder
	for _, t := range configuration() {
		if t.group == "" {
			for _, s := range t.rows {
				b.WriteString(entry(s.Name, described(s)))
			}
			continue
		}
		names := []string{}
		for _, s := range t.rows {
			names = append(names, strings.TrimSuffix("``"+s.Name+"`` ("+value(s)+")", " ()"))
		}
		b.WriteString(entry(t.group, "object. "+groups[t.group]+". Keys: "+strings.Join(names, ", ")))
	}
	return b.String()
}

func entry(name, text string) string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "``", "`"), "`", "``")
	lines := strings.SplitN(wrapped(name+": "+text+".", "            ", 120), "\n", 2)
	return strings.TrimPrefix(lines[0], "    ") + "\n" + lines[1]
}

// vendorFields are the keyword parameters of Python for those fields of
// requests that have no type in params, the source of the others.
func vendorFields(params string) string {
	_, typed, _ := strings.Cut(params, "\nclass Options(")
	var b strings.Builder
	b.WriteByte('\n')
	for _, row := range llm.RequestSettings() {
		if row.Name != "messages" && !strings.Contains(typed, "\n    "+row.Name+": ") {
			b.WriteString("    " + row.Name + ": Any\n")
		}
	}
	return b.String()
}
