package wire

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
)

// This file makes one value of pieces that came one after the other.

// Joined makes one value of the pieces of one: texts and lists follow each
// other, the fields of objects are joined. Of anything else the last counts.
func Joined(pieces []json.RawMessage) json.RawMessage { return joinedValue(pieces, 0) }

func joinedValue(pieces []json.RawMessage, depth int) json.RawMessage {
	pieces = slices.DeleteFunc(pieces, func(raw json.RawMessage) bool { return !IsThere(raw) })
	if len(pieces) < 2 || depth > 3 {
		return last(pieces)
	}
	switch first := pieces[0][0]; {
	case first == '"':
		texts := make([]string, len(pieces))
		for i, raw := range pieces {
			if llm.JSON.Unmarshal(raw, &texts[i]) != nil {
				return last(pieces)
			}
		}
		return llm.JSONOf(JoinedTexts(texts))
	case first == '[':
		return llm.JSONOf(joinedLists(pieces))
	case first == '{':
		return joinedFields(pieces, depth)
	}
	return last(pieces)
}

func last(pieces []json.RawMessage) json.RawMessage {
	if len(pieces) == 0 {
		return nil
	}
	return pieces[len(pieces)-1]
}

func joinedLists(lists []json.RawMessage) (all []json.RawMessage) {
	for _, raw := range lists {
		var list []json.RawMessage
		if llm.JSON.Unmarshal(raw, &list) == nil {
			all = append(all, list...)
		}
	}
	return all
}

// joinedFields joins objects. Lists behind them are the content of a tool's
// result, and the pieces of a call's input are the text of an object.
func joinedFields(objects []json.RawMessage, depth int) json.RawMessage {
	fields, lists := map[string][]json.RawMessage{}, []json.RawMessage(nil)
	for _, raw := range objects {
		object := llm.Extra{}
		switch {
		case raw[0] == '[':
			lists = append(lists, raw)
		case llm.JSON.Unmarshal(raw, &object) == nil:
			for name, value := range object {
				fields[name] = append(fields[name], value)
			}
		}
	}
	whole := llm.Extra{}
	for name, values := range fields {
		whole[name] = joinedValue(values, depth+1)
		var input string
		if name == "input" && llm.JSON.Unmarshal(whole[name], &input) == nil {
			if object := ObjectOf(input); object != nil {
				whole[name] = object
			}
		}
	}
	if lists != nil {
		whole["content"] = llm.JSONOf(joinedLists(lists))
	}
	return llm.JSONOf(whole)
}

// JoinedTexts joins texts, and those that are base64 with an end of its own
// each.
func JoinedTexts(texts []string) string {
	all := strings.Join(texts, "")
	at := strings.IndexByte(all, '=')
	if at < 0 || at >= len(all)-2 {
		return all
	}
	var data []byte
	for _, text := range texts {
		var err error
		if data, err = base64.StdEncoding.AppendDecode(data, []byte(text)); err != nil {
			return all
		}
	}
	return base64.StdEncoding.EncodeToString(data)
}
