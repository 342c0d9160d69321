package openai

import (
	"crypto/sha256"
	"encoding/json"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// toolIDs gives calls and their results ids of the form that the vendor
// demands. Another vendor's id is replaced by the same id everywhere, in each
// request.
func (f *fit) toolIDs() error {
	if f.quirks.ToolIDs == 0 || !f.call.Payload.Mentions(`"tool_call`) {
		return nil
	}
	messages, err := f.messages()
	if err != nil {
		return err
	}
	changed := false
	for i, raw := range messages {
		message := llm.Extra{}
		if llm.JSON.Unmarshal(raw, &message) != nil {
			continue
		}
		other := f.shortenID(message, "tool_call_id")
		var calls []llm.Extra
		if wire.IsThere(message["tool_calls"]) && llm.JSON.Unmarshal(message["tool_calls"], &calls) == nil {
			of := false
			for _, call := range calls {
				of = f.shortenID(call, "id") || of
			}
			if of {
				message["tool_calls"], other = llm.JSONOf(calls), true
			}
		}
		if other {
			messages[i], changed = llm.JSONOf(message), true
		}
	}
	if changed {
		f.put("messages", llm.JSONOf(messages))
	}
	return nil
}

// shortenID changes the id in a field, unless it has the form already.
func (f *fit) shortenID(of llm.Extra, field string) bool {
	var id string
	if !wire.IsThere(of[field]) || llm.JSON.Unmarshal(of[field], &id) != nil || isShort(id, f.quirks.ToolIDs) {
		return false
	}
	of[field] = json.RawMessage(`"` + shortID(id, f.quirks.ToolIDs) + `"`)
	return true
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
