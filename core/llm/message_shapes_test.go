package llm

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What lacks a part's content, or has a slip in its type or a name, is told
// with its place; it would be passed over or refused with less by each server.
func TestSlipsInPartsAndCallsAreToldWithTheirPlace(t *testing.T) {
	refuse := func(request, says string) {
		t.Helper()
		_, err := parsePayload([]byte(request))
		require.Equal(t, InvalidArgument, CodeOfError(err), request)
		require.ErrorContains(t, err, says, request)
	}
	for part, says := range map[string]string{
		`{"type":"text","text":3}`:                                    `.text is 3; expected a string`,
		`{"type":"text","text":null}`:                                 `has no "text"`,
		`{"type":"text","txt":"a"}`:                                   `has no "text"`,
		`{"type":"input_text","text":[]}`:                             `.text is an array`,
		`{"type":"txt","text":"a"}`:                                   `.type is "txt"; did you mean "text"?`,
		`{"type":"Text","text":"a"}`:                                  `did you mean "text"?`,
		`{"type":3,"text":"a"}`:                                       `.type is 3; expected a string`,
		`{}`:                                                          `has no "type"`,
		`{"type":""}`:                                                 `has no "type"`,
		`{"text":3}`:                                                  `.text is 3`,
		`{"type":"image_url"}`:                                        `has no "image_url"`,
		`{"type":"image_url","url":"u"}`:                              `has no "image_url"`,
		`{"type":"image_url","image_url":{}}`:                         `.image_url has no "url"`,
		`{"type":"image_url","image_url":{"url":""}}`:                 `.image_url has no "url"`,
		`{"type":"image_url","image_url":{"url":7}}`:                  `.image_url.url is 7`,
		`{"type":"image_url","image_url":7}`:                          `.image_url is 7`,
		`{"type":"image_url","image_url":""}`:                         `.image_url is ""`,
		`{"type":"image_url","image_url":{"url":"u","detial":"low"}}`: `did you mean "detail"?`,
		`{"image_url":{"uri":"u"}}`:                                   `.image_url has no "url"`,
		`{"type":"imageUrl","image_url":{"url":"u"}}`:                 `did you mean "image_url"?`,
		`{"type":"input_audio"}`:                                      `has no "input_audio"`,
		`{"type":"input_audoi","input_audio":{"data":"a"}}`:           `did you mean "input_audio"?`,
		`{"type":"file"}`:                                             `has no "file"`,
		`{"type":"file","file":{}}`:                                   `.file has no "file_data"`,
		`{"type":"file","file":{"fileData":"a"}}`:                     `did you mean "file_data"?`,
		`{"type":"video_url","video_url":{"ur":"u"}}`:                 `.video_url has no "url"`,
	} {
		refuse(`{"messages":[{"role":"user","content":"a"},{"role":"user","content":[{"type":"text","text":"a"},`+part+`]}]}`, "messages[1].content[1]")
		refuse(`{"messages":[{"content":[`+part+`],"role":"assistant"}]}`, says)
	}
	for call, says := range map[string]string{
		`{"id":"a","type":"function","function":{"name":"f","arguments":3}}`:    `.function.arguments is 3; expected a string`,
		`{"id":"a","type":"function","function":{"name":"f","arguments":[]}}`:   `.function.arguments is an array`,
		`{"id":"a","type":"function","function":{"name":"f","argument":"{}"}}`:  `did you mean "arguments"?`,
		`{"id":"a","type":"fucntion","function":{"name":"f","arguments":"{}"}}`: `.type is "fucntion"; did you mean "function"?`,
		`{"id":"a","fucntion":{"name":"f","arguments":"{}"}}`:                   `has the field "fucntion"; did you mean "function"?`,
		`{"id":"a","type":"function"}`:                                          `has no "function"`,
		`{"id":"a","type":"function","function":{"name":"f","arguments":true}}`: `.function.arguments is true`,
		`{"id":"a","type":true,"function":{"name":"f","arguments":"{}"}}`:       `.type is true`,
		`{"id":"a","type":"function","function":"f"}`:                           `.function is "f"`,
		`{"id":"a","type":"custom","custom":{"name":"f","input":3}}`:            `.custom.input is 3`,
		`"f"`: `is "f"`,
	} {
		refuse(`{"messages":[{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f"}},`+call+`]}]}`, "messages[0].tool_calls[1]")
		refuse(`{"messages":[{"role":"assistant","content":null,"tool_calls":[`+call+`]}]}`, says)
	}
	for field, says := range map[string]string{
		`"tool_calls":{"id":"a"}`: `tool_calls is an object; expected an array`, `"tool_calls":3`: `tool_calls is 3`,
		`"function_call":"f"`: `function_call is "f"`, `"function_call":{"name":"f","arguments":3}`: `function_call.arguments is 3`,
	} {
		refuse(`{"messages":[{"role":"assistant","content":"x",`+field+`}]}`, says)
	}
	for field, says := range map[string]string{
		`"tool_choice":{"type":"function"}`: `tool_choice has no "function"`, `"tool_choice":{"type":"function","function":{"name":3}}`: `tool_choice.function has no "name"`,
		`"tool_choice":{"type":"fnction","function":{"name":"f"}}`: `did you mean "function"?`, `"tool_choice":{"type":1}`: `tool_choice.type is 1`,
		`"response_format":{"type":"json_schema","json_schema":{"name":1,"schema":{}}}`: `json_schema.name is 1`,
	} {
		refuse(`{"messages":[{"role":"user","content":"x"}],`+field+`}`, says)
	}
}

// What some server knows passes, and what came in an answer may be handed back.
func TestPartsAndCallsOfOtherServersPass(t *testing.T) {
	for _, message := range []string{
		`{"role":"user","content":[{"type":"wibble","wibble":1},{"type":"video_url","video_url":{"url":"u"}},{"type":"video","video":["a"]},{"type":"image_embeds","image_embeds":"a"}]}`,
		`{"role":"user","content":[{"type":"document_url","document_url":"u"},{"type":"input_audio","input_audio":"aGk="},{"type":"file","file_id":"f"},{"type":"text","text":"","cache_control":{}}]}`,
		`{"role":"user","content":[{"type":"image_url","image_url":{"url":"u","detail":"low","format":"png"}},{"type":"guardContent","guardContent":{}},{"type":"image_url","image_url":{"url":"u"},"min_pixels":1}]}`,
		`{"role":"user","content":[{"text":"a","thought":true},{"cachePoint":{"type":"default"}},{"type":"image_url","image_url":null,"uuid":"a"},{"type":"video_url","video_url":["a"]}]}`,
		`{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"a"}]},{"type":"reference","reference_ids":[1]},{"type":"reasoning","text":null},{"type":"refusal","refusal":null}]}`,
		`{"role":"assistant","content":"x","tool_calls":null,"refusal":null,"function_call":null,"name":null,"audio":null}`,
		`{"role":"assistant","content":null,"tool_calls":[],"refusal":"","audio":{"id":"a"},"reasoning_content":[{"text":"a"}],"tool_plan":"p","wibble":1}`,
		`{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}},{"id":"b","type":"mcp","x":1},null,{"id":"","type":"","function":{"name":"f","arguments":null}}]}`,
		`{"role":"assistant","tool_calls":[{"id":null,"index":0,"type":null,"function":{"name":null,"arguments":""}},{"id":3,"function":{"arguments":"{}"}},{"id":"a","name":"f","parameters":{}}]}`,
		`{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}","parsed_arguments":{},"argument":1},"extra_content":{}}]}`,
		`{"role":"assistant","content":"","function_call":{"name":"","arguments":""}}`,
		`{"role":"tool","tool_call_id":7,"content":"a"}`,
	} {
		p, err := parsePayload([]byte(`{"messages":[` + message + `]}`))
		require.NoError(t, err, message)
		r, err := p.Request() // for a format that says what it cannot take
		require.NoError(t, err, message)
		written, err := r.Messages[0].MarshalJSON()
		require.NoError(t, err)
		require.Contains(t, string(written), `"role"`)
	}
}
