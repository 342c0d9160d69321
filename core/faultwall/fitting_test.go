package faultwall_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/faultwall"
)

const person = `{"type":"object","properties":{"name":{"type":"string","minLength":6},"age":{"type":"integer","minimum":18.5},
	"kind":{"enum":["b","a"]},"at":{"type":"string","format":"date"},"tags":{"type":"array","items":{"type":"string","maxLength":2},"minItems":2},
	"near":{"anyOf":[{"$ref":"#/$defs/P~1Q"},{"type":"null"}]},"share":{"type":["number","null"],"exclusiveMaximum":0}},
	"required":["name"],"$defs":{"P/Q":{"type":"object","properties":{"x":{"const":7},"left":{"anyOf":[{"$ref":"#/$defs/P~1Q"},{"type":"null"}]}},"required":["x","left"]}}}`

const fitting = `{"name":"tttttt","age":19,"kind":"b","at":"2026-01-31","tags":["te","te"],"near":{"x":7,"left":{"x":7,"left":null}},"share":-1}`

func TestAnUnscriptedAnswerFitsTheSchemaThatItIsAskedFor(t *testing.T) {
	wall, err := faultwall.Start(faultwall.Script{}, faultwall.Options{})
	require.NoError(t, err)
	defer wall.Close()
	quoted, err := json.Marshal(person)
	require.NoError(t, err)
	for _, c := range []struct{ name, path, body, place string }{
		{"OpenAI", "/v1/chat/completions", `{"model":"m","response_format":{"type":"json_schema","json_schema":{"name":"p","schema":@}}}`, "choices.0.message.content"},
		{"OpenAI, a forced tool", "/v1/chat/completions", `{"model":"m","tools":[{"type":"function","function":{"name":"f","parameters":@}}],"tool_choice":{"type":"function","function":{"name":"f"}}}`, "choices.0.message.tool_calls.0.function.arguments"},
		{"Responses", "/v1/responses", `{"model":"m","text":{"format":{"type":"json_schema","name":"p","schema":@}}}`, "output.0.content.0.text"},
		{"Anthropic", "/v1/messages", `{"model":"m","output_config":{"format":{"type":"json_schema","schema":@}}}`, "content.0.text"},
		{"Anthropic, a forced tool", "/v1/messages", `{"model":"m","tools":[{"name":"f","input_schema":@}],"tool_choice":{"type":"tool","name":"f"}}`, "content.0.input"},
		{"Gemini", "/v1beta/models/m:generateContent", `{"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":@}}`, "candidates.0.content.parts.0.text"},
		{"Gemini, a forced tool", "/v1beta/models/m:generateContent", `{"tools":[{"googleSearch":{}},{"functionDeclarations":[{"name":"g"},{"name":"f","parametersJsonSchema":@}]}],"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]}}}`, "candidates.0.content.parts.0.functionCall.args"},
		{"Ollama", "/api/chat", `{"model":"m","stream":false,"format":@}`, "message.content"},
		{"Bedrock", "/model/m/converse", `{"messages":[{"role":"user","content":[{"text":"x"}]}],"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"@"}}}}}`, "output.message.content.0.text"},
		{"Bedrock, a forced tool", "/model/m/converse", `{"messages":[{"role":"user","content":[{"text":"x"}]}],"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":@}}}],"toolChoice":{"tool":{"name":"f"}}}}`, "output.message.content.0.toolUse.input"},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := strings.ReplaceAll(strings.ReplaceAll(c.body, `"@"`, string(quoted)), "@", person)
			require.JSONEq(t, fitting, asked(t, wall.URL()+c.path, body, c.place))
		})
	}
	for _, body := range []string{`{"model":"m","response_format":{"type":"json_object"}}`, `{"model":"m","response_format":{"type":"json_schema","json_schema":{"schema":{}}}}`} {
		require.Equal(t, "{}", asked(t, wall.URL()+"/v1/chat/completions", body, "choices.0.message.content"))
	}
	for _, schema := range []string{`{"$ref":"#"}`, `{"type":"object","properties":{"a":{"$ref":"#"},"b":{"$ref":"#"}},"required":["a","b"]}`, `{"type":"array","items":{"$ref":"#"},"minItems":2}`} {
		text := asked(t, wall.URL()+"/v1/chat/completions", `{"model":"m","response_format":{"json_schema":{"schema":`+schema+`}}}`, "choices.0.message.content")
		require.True(t, json.Valid([]byte(text)), "a schema that nothing fits still ends")
	}
}

func TestAnUnscriptedNumberOrTextIsWithinItsBounds(t *testing.T) {
	wall, err := faultwall.Start(faultwall.Script{}, faultwall.Options{})
	require.NoError(t, err)
	defer wall.Close()
	for schema, fits := range map[string]string{
		`{"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1}`:   `0.5`, // a share
		`{"type":"number","minimum":0.25,"exclusiveMaximum":1}`:         `0.625`,
		`{"type":"number","minimum":0.25,"maximum":0.75}`:               `0.5`,
		`{"type":"number","exclusiveMinimum":0,"maximum":1}`:            `1`,
		`{"type":"number","minimum":0.5,"maximum":0.5}`:                 `0.5`,
		`{"type":"number","minimum":1e308,"maximum":1e308}`:             `1e308`,
		`{"type":"integer","maximum":-0.5}`:                             `-1`,
		`{"type":"integer","exclusiveMinimum":1,"exclusiveMaximum":3}`:  `2`,
		`{"type":"string","maxLength":1e300}`:                           `"text"`,
		`{"$defs":{"S":{"enum":["s"]}},"allOf":[{"$ref":"#/$defs/S"}]}`: `"s"`,
	} {
		body := `{"model":"m","response_format":{"json_schema":{"schema":` + schema + `}}}`
		require.JSONEq(t, fits, asked(t, wall.URL()+"/v1/chat/completions", body, "choices.0.message.content"), schema)
	}
}

// asked is the text at a place of the answer to a request.
func asked(t *testing.T, url, body, place string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer key")
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	var value any
	require.NoError(t, json.Unmarshal(text, &value))
	require.Equal(t, http.StatusOK, answer.StatusCode, "%s", text)
	for name := range strings.SplitSeq(place, ".") {
		if list, is := value.([]any); is {
			require.NotEmpty(t, list, "%s", text)
			value = list[0]
		} else {
			value = value.(map[string]any)[name]
		}
	}
	if said, is := value.(string); is {
		return said
	}
	made, err := json.Marshal(value)
	require.NoError(t, err)
	return string(made)
}
