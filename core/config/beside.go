package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/setting"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/llm"
)

// Bulk is the key "bulk" beside the providers: what jobs of many rows do where
// they do not say otherwise themselves. What is zero is not set.
type Bulk struct {
	MaxCost         float64 `json:"max_cost,omitempty"`
	Ledger          string  `json:"ledger,omitempty"`            // "sqlite", "jsonl" or a path
	Errors          string  `json:"errors,omitempty"`            // "rows" or "stop"
	StopAfterErrors float64 `json:"stop_after_errors,omitempty"` // rows; below 1 a share of them
	BatchAPI        string  `json:"batch_api,omitempty"`         // "never", "auto" or "always"
}

var bulkSettings = []setting.Setting{
	{Group: "bulk", Name: "max_cost", Type: "number", Default: "none", Meaning: "beside the providers: the cost at which a job of many rows ends"},
	{Group: "bulk", Name: "ledger", Type: "text", Default: "beside the output", Meaning: "sqlite (not in Go), jsonl, or the path of the ledger"},
	{Group: "bulk", Name: "errors", Type: "\"rows\" or \"stop\"", Default: "\"rows\"", Meaning: "what a failed row is: a row with an error, or the end of the job"},
	{Group: "bulk", Name: "stop_after_errors", Type: "number", Default: "none", Meaning: "the failed rows, or below 1 the share of them, at which a job ends"},
	{Group: "bulk", Name: "batch_api", Type: "\"never\", \"auto\" or \"always\"", Default: "\"never\"", Meaning: "whether rows are sent as batches to vendors that have them (not in Go)"},
}

func (b *Bulk) set(at *place, v []byte) (err error) {
	switch at.key {
	case "max_cost":
		b.MaxCost, err = at.number(v, setting.MostCount)
	case "ledger":
		b.Ledger, err = at.text(v)
	case "errors":
		b.Errors, err = at.word(v, "rows", "stop")
	case "stop_after_errors":
		b.StopAfterErrors, err = at.number(v, setting.MostCount)
	case "batch_api":
		b.BatchAPI, err = at.word(v, "never", "auto", "always")
	default:
		err = at.strange(bulkSettings)
	}
	return err
}

// isBeside tells whether a top-level key is one of those that stand beside the
// providers, and no provider of that name.
func isBeside(key string, v []byte) bool {
	if key != "fleet" && key != "bulk" {
		return false
	}
	fields, err := objectFields(v)
	return err != nil || !slices.ContainsFunc(fields, func(f jsontext.Field) bool { return f.Key == "models" })
}

// setBeside reads a key that stands beside the providers into the provider that
// stands for all of them; null is none.
func (p *Provider) setBeside(key string, v []byte, o *Options) (err error) {
	if key == "fleet" {
		p.Fleet, err = ParseFleet(v, *o)
	} else if v[0] != 'n' {
		p.Bulk = &Bulk{}
		err = (&place{what: `"bulk"`, o: o, unset: map[string]string{}}).beside(v, "\"max_cost\" or \"ledger\"", p.Bulk.set)
	}
	return err
}

// beside reads an object that stands beside the providers.
func (at *place) beside(data []byte, with string, set func(at *place, v []byte) error) error {
	if data[0] != '{' {
		return at.fail("must be an object with %s, got %s", with, kindOfValue(data))
	}
	fields, err := objectFields(data)
	if err != nil {
		return at.fail("%v", err)
	}
	for _, f := range fields {
		v := data[f.Start:f.End]
		if at.key = f.Key; at.leftOut(v) {
			continue
		}
		if err := set(at, v); err != nil {
			return err
		}
	}
	if len(at.unset) > 0 {
		return at.fail("%s", at.unset[slices.Min(slices.Collect(maps.Keys(at.unset)))])
	}
	return nil
}

// strange refuses a key that is not in a table.
func (at *place) strange(table []setting.Setting) error {
	known := make([]string, len(table))
	for i := range known {
		known[i] = table[i].Name
	}
	hint := suggest.For(at.key, known)
	if hint == "" {
		hint = "; the known ones are " + strings.Join(known, ", ")
	}
	return at.fail("unknown key %s%s", shown.Name(at.key), hint)
}

// word reads a text that is one of a few words.
func (at *place) word(v []byte, words ...string) (s string, err error) {
	if v[0] == '"' && llm.JSON.Unmarshal(v, &s) == nil && slices.Contains(words, s) {
		return s, nil
	}
	return "", at.fail("%q is %s; expected \"%s\"%s", at.key, shown.Value(v), strings.Join(words, "\" or \""), suggest.For(s, words))
}
