package openai

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/llmagg/llmagg/core/wire"
)

// This file has the quirks that concern a single field: its name, its words,
// the bounds of its number, and a field that is added.

// renames writes fields under the vendor's names.
func (f *fit) renames() {
	for item := range strings.FieldsSeq(f.quirks.Renames) {
		name, other, _ := strings.Cut(item, ":")
		raw := f.call.Payload.Field(name)
		if !wire.IsThere(raw) {
			continue
		}
		f.put(name, nil)
		if wire.IsThere(f.call.Payload.Field(other)) {
			f.call.Adapt(name, wire.LeftOut)
			continue
		}
		f.put(other, raw)
	}
}

// choice writes tool_choice in the vendor's word. The table calls a choice that
// names a tool "tool".
func (f *fit) choice() {
	raw := f.call.Payload.Field("tool_choice")
	if f.quirks.Choice == "" || !wire.IsThere(raw) {
		return
	}
	word := strings.Trim(string(raw), `"`)
	if raw[0] == '{' {
		word = "tool"
	}
	for item := range strings.FieldsSeq(f.quirks.Choice) {
		is, other, same := strings.Cut(item, ":")
		if !same {
			is, other, _ = strings.Cut(item, ">")
		}
		if is != word {
			continue
		}
		f.put("tool_choice", json.RawMessage(`"`+other+`"`))
		if !same {
			f.call.Adapt("tool_choice", word+" to "+other)
		}
	}
}

// clamps brings numbers within the vendor's bounds.
func (f *fit) clamps() {
	for _, b := range f.quirks.Clamps {
		n, err := strconv.ParseFloat(string(f.call.Payload.Field(b.Field)), 64)
		if err != nil {
			continue
		}
		if within := *f.call.Clamp(b.Field, &n, b.Least, b.Most); within != n {
			f.put(b.Field, json.RawMessage(strconv.FormatFloat(within, 'g', -1, 64)))
		}
	}
}

// add adds the vendor's field, unless the request has it or the server has
// refused it.
func (f *fit) add() {
	if name := f.quirks.Adds[0]; name != "" && f.call.Payload.Field(name) == nil && !slices.Contains(f.call.Omit, name) {
		f.put(name, json.RawMessage(f.quirks.Adds[1]))
	}
}
