package llm

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Messages of texts are not read again after they were written: what is known
// of such a request, and what is refused, is as of its text.
func TestPlainMessagesAreAsTheirText(t *testing.T) {
	seed := int64(1)
	for name, r := range map[string]Request{
		"plain":        {Messages: []Message{{Role: RoleSystem, Content: "a\"b\\ \n é"}, {Role: RoleUser, Name: "x"}}},
		"fields":       {Model: "m", Messages: []Message{{Role: RoleTool, ToolCallID: "1", Content: "]}"}}, Seed: &seed, User: "u"},
		"parts":        {Messages: []Message{{Role: RoleUser, Parts: []Part{{Type: "text", Text: "a"}}}}},
		"field":        {Messages: []Message{{Role: RoleUser, Content: "a", Extra: Extra{"parts": []byte("[]")}}}},
		"a slip":       {Messages: []Message{{Role: RoleUser, Extra: Extra{"contnet": []byte(`"a"`)}}}},
		"a wrong role": {Messages: []Message{{Role: RoleUser}, {Role: "boss", Content: "a"}}},
		"no role":      {Messages: []Message{{Content: "a"}}},
		"none":         {Messages: []Message{}},
		"no UTF-8":     {Messages: []Message{{Role: RoleUser, Content: "a\xff"}}},
		"no raw JSON":  {Messages: []Message{{Role: RoleUser}}, ToolChoice: []byte("auto")},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := r.Payload()
			text, _ := r.MarshalJSON()
			want, refused := OwnRequest(text, CallOptions{})
			if name == "no raw JSON" {
				require.Error(t, err)
				return
			}
			require.Equal(t, refused, err)
			if err == nil {
				require.Equal(t, want, got)
			}
		})
	}
}
