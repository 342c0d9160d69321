package llm

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPartsOfOtherAPIsBecomeThoseOfChatCompletions(t *testing.T) {
	const url = `{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="}`
	for in, want := range map[string]string{
		`{"type":"input_text","text":"a \" b"}`:              `{"type":"text","text":"a \" b"}`,
		`{"type":"output_text","text":"a","annotations":[]}`: `{"type":"text","text":"a"}`,
		`{"text":"a"}`: `{"type":"text","text":"a"}`,
		`{"text":"a","type":null,"cache_control":{"type":"ephemeral"}}`:                                                           `{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}`,
		`{"type":"input_image","image_url":"https://h/a.png","detail":"low"}`:                                                     `{"type":"image_url","image_url":{"url":"https://h/a.png","detail":"low"}}`,
		`{"type":"image_url","image_url":"https://h/a.png"}`:                                                                      `{"type":"image_url","image_url":{"url":"https://h/a.png"}}`,
		`{"image_url":{"url":"https://h/a.png"}}`:                                                                                 `{"type":"image_url","image_url":{"url":"https://h/a.png"}}`,
		`{"inlineData":{"mimeType":"image/png","data":"aGk="}}`:                                                                   url + `}`,
		`{"inline_data":{"mime_type":"image/png","data":"aGk="}}`:                                                                 url + `}`,
		`{"type":"image","image":"https://h/a.png","providerOptions":{}}`:                                                         `{"type":"image_url","image_url":{"url":"https://h/a.png"}}`,
		`{"type":"image","image":"data:image/png;base64,aGk="}`:                                                                   url + `}`,
		`{"type":"image","image":"aGk=","mediaType":"image/png"}`:                                                                 url + `}`,
		`{"type":"image","source_type":"base64","data":"aGk=","mime_type":"image/png"}`:                                           url + `}`,
		`{"type":"image","url":"https://h/a.png"}`:                                                                                `{"type":"image_url","image_url":{"url":"https://h/a.png"}}`,
		`{"type":"image","source":{"type":"url","url":"https://h/a.png"}}`:                                                        `{"type":"image_url","image_url":{"url":"https://h/a.png"}}`,
		`{"type":"image","source":{"type":"base64","media_type":"image/png","data":"aGk="},"cache_control":{"type":"ephemeral"}}`: url + `,"cache_control":{"type":"ephemeral"}}`,
		// as they are
		`{"type":"text","text":"a"}`: ``, `{"type":"image_url","image_url":{"url":"u"}}`: ``, `{"type":"video_url","video_url":{"url":"u"}}`: ``,
		`{"type":"input_text","text":"a","new":1}`: ``, `{"type":"image","new":"https://h/a.png"}`: ``, `{"type":"thinking","thinking":"x"}`: ``,
	} {
		p, err := parsePayload([]byte(`{"messages":[{"role":"system","content":"s"}, {"content": [ ` + in + ` ,{"type":"text","text":"z"}],"role":"user"}]}`))
		require.NoError(t, err, in)
		if want == "" {
			want = in
		}
		require.JSONEq(t, `[{"role":"system","content":"s"},{"role":"user","content":[`+want+`,{"type":"text","text":"z"}]}]`, string(p.Field("messages")), in)
		require.NoError(t, p.NotChat())
		var r Request
		require.NoError(t, r.UnmarshalJSON([]byte(`{"messages":[{"role":"user","content":[`+in+`]}]}`)), in)
		again, err := r.MarshalJSON()
		require.NoError(t, err)
		require.JSONEq(t, `{"messages":[{"role":"user","content":[`+want+`]}]}`, string(again), in)
	}
}

func TestPartsThatChatCompletionsLackAreToldWithTheirPlace(t *testing.T) {
	parts := func(part string) (*Payload, error) {
		return parsePayload([]byte(`{"messages":[{"role":"user","content":"a"},{"role":"user","content":[{"type":"text","text":"a"},` + part + `]}]}`))
	}
	for part, says := range map[string]string{
		`{"type":"tool_use","id":"1","name":"f","input":{}}`:           `"tool_calls"`,
		`{"type":"tool_result","tool_use_id":"1","content":"x"}`:       `"role": "tool"`,
		`{"type":"document","source":{"type":"base64","data":"aGk="}}`: `"type": "file"`,
		`{"type":"image","source":{"type":"file","file_id":"f"}}`:      `"image_url"`,
		`{"type":"input_image","file_id":"f"}`:                         `"image_url"`,
		`{"type":"input_file","file_id":"f"}`:                          `"type": "file"`,
	} {
		p, err := parts(part)
		require.NoError(t, err, part)
		require.Equal(t, Unsupported, CodeOfError(p.NotChat()), part)
		require.ErrorContains(t, p.NotChat(), "messages[1].content[1]")
		require.ErrorContains(t, p.NotChat(), says)
		require.Error(t, p.With(Extra{"user": []byte(`"u"`)}).NotChat())
	}
	for part, says := range map[string]string{
		`{"functionCall":{"name":"f","args":{}}}`: `"functionCall"`, `{"functionResponse":{"name":"f"}}`: `"role": "tool"`, `{"toolUse":{}}`: `"tool_calls"`,
		`{"type":"image","image":"aGk="}`: `"image_url"`, `{"type":"image","image":{"0":137}}`: `"image_url"`, `{"type":"image","url":"","image":[1]}`: `"image_url"`,
		`{"type":"file","data":"aGk=","mediaType":"application/pdf"}`: `"file_data"`, `{"type":"tool-call","toolCallId":"t","toolName":"f","input":{}}`: `"tool_calls"`,
		`{"type":"tool-result","toolCallId":"t","output":{}}`: `"tool_call_id"`,
		`{"fileData":{"fileUri":"u"}}`:                        `"type": "file"`, `{"inlineData":{"mimeType":"application/pdf","data":"aGk="}}`: `"file_data"`, `{"image":{"format":"png"}}`: `"image_url"`,
	} {
		_, err := parts(part)
		require.Equal(t, InvalidArgument, CodeOfError(err), part)
		require.ErrorContains(t, err, "messages[1].content[1]")
		require.ErrorContains(t, err, says)
	}
}
