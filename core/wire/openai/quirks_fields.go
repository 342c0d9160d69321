package openai

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
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

// toolIDs gives calls and their results ids of the form that the vendor
// demands, and each call one of its own. Another vendor's id is replaced by the
// same id in each request.
func (f *fit) toolIDs() {
	if f.quirks.ToolIDs == 0 || !f.call.Payload.Mentions(`"tool_call`) {
		return
	}
	all := f.messages()
	changed := false
	var ids wire.CallIDs
	for _, m := range all {
		var calls []llm.Extra
		if wire.IsThere(m["tool_calls"]) && llm.JSON.Unmarshal(m["tool_calls"], &calls) == nil {
			of := false
			for _, call := range calls {
				of = f.shortenID(call, "id", ids.Call) || of
			}
			if of {
				m["tool_calls"], changed = llm.JSONOf(calls), true
			}
		}
		switch string(m["role"]) {
		case `"tool"`:
			changed = f.shortenID(m, "tool_call_id", ids.Result) || changed
		case user:
			ids.Asked()
		}
	}
	if changed {
		f.putMessages(all)
	}
}

// shortenID changes the id in a field to its own, of the form that is demanded,
// unless it is that already.
func (f *fit) shortenID(of llm.Extra, field string, own func(came string) string) bool {
	var came string
	if wire.IsThere(of[field]) && llm.JSON.Unmarshal(of[field], &came) != nil {
		return false
	}
	id := own(came)
	if !isShort(id, f.quirks.ToolIDs) {
		id = shortID(id, f.quirks.ToolIDs)
	}
	of[field] = json.RawMessage(`"` + id + `"`)
	return id != came
}

func isShort(id string, length int) bool {
	for i := range len(id) {
		if c := id[i]; (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(id) == length
}

// shortID makes an id of length letters and digits, at most 32, from another.
func shortID(id string, length int) string {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	sum := sha256.Sum256([]byte(id))
	short := make([]byte, length)
	for i := range short {
		short[i] = alphabet[int(sum[i])%len(alphabet)]
	}
	return string(short)
}
