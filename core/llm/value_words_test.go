package llm

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A word that is a clear slip in a known value is told, with its field; new
// words of vendors pass, whatever they are.
func TestMisspeltValuesAreTold(t *testing.T) {
	for field, want := range map[string]string{
		`"reasoning_effort":"hgih"`: `"high"`, `"reasoning_effort":"lwo"`: `"low"`, `"reasoning_effort":"meduim"`: `"medium"`, `"reasoning_effort":"minmal"`: `"minimal"`,
		`"reasoning":{"effort":"hihg"}`: `"high"`, `"reasoning":{"summary":"concize"}`: `"concise"`, `"thinking":{"type":"enable"}`: `"enabled"`,
		`"verbosity":"hgh"`: `"high"`, `"service_tier":"prioriti"`: `"priority"`, `"service_tier":"flx"`: `"flex"`, `"service_tier":"on-demand"`: `"on_demand"`,
		`"tool_choice":"requird"`: `"required"`, `"tool_choice":"requiredd"`: `"required"`, `"tool_choice":"nonee"`: `"none"`, `"function_call":"atuo"`: `"auto"`,
		`"modalities":["text","adio"]`: `modalities[1]" is "adio"; did you mean "audio"?`, `"modalities":["txet"]`: `"text"`, `"truncation":"atuo"`: `"auto"`,
		`"web_search_options":{"search_context_size":"hihg"}`: `"high"`, `"output_config":{"effort":"hihg"}`: `"high"`,
	} {
		_, err := OwnRequest([]byte(`{"messages":[{"role":"user","content":"hi"}],`+field+`}`), CallOptions{})
		require.Error(t, err, field)
		require.Equal(t, InvalidArgument, CodeOfError(err))
		require.Contains(t, err.Error(), "did you mean", field)
		require.Contains(t, err.Error(), want, field)
		_, err = OwnRequest([]byte(`{"messages":[{"role":"user","content":"hi"}],"extra_body":{`+field+`}}`), CallOptions{})
		require.NoError(t, err, "extra_body takes %s", field)
	}
	for _, field := range []string{
		`"reasoning_effort":"High"`, `"reasoning_effort":"xhigh"`, `"reasoning_effort":"xlow"`, `"reasoning_effort":"ultra"`, `"reasoning_effort":"maximal"`, `"reasoning_effort":"extreme"`,
		`"reasoning_effort":""`, `"reasoning_effort":"lo"`, `"reasoning_effort":null`, `"reasoning":{"effort":"deep","summary":null}`, `"reasoning":{"effort":7}`, `"thinking":{"type":"interleaved"}`,
		`"verbosity":"higher"`, `"verbosity":"brief"`, `"service_tier":"fast"`, `"service_tier":"auto2"`, `"service_tier":"premium"`, `"service_tier":"standard_v2"`, `"tool_choice":"validated"`,
		`"tool_choice":{"type":"auto"}`, `"function_call":{"name":"atuo"}`, `"modalities":["TEXT","IMAGE"]`, `"modalities":["smell"]`, `"modalities":[1]`, `"modalities":[]`, `"truncation":"middle"`, `"user":"hgih"`,
		`"tool_choice":"required","tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","required":["auto","none"]}}}]`,
	} {
		_, err := OwnRequest([]byte(`{"messages":[{"role":"user","content":"hi"}],`+field+`}`), CallOptions{})
		require.NoError(t, err, field)
	}
}

// A part's type that is short for a known one, or a slip in it, is told; types
// of servers that nobody here knows pass.
func TestMisspeltPartTypesAreTold(t *testing.T) {
	for word, want := range map[string]string{
		"img_url": "image_url", "image-url": "image_url", "imgUrl": "image_url", "image_uri": "image_url", "picture_url": "image_url", "input_txt": "input_text", "txt": "text",
		"input_img": "input_image", "vid_url": "video_url", "doc_url": "document_url", "input_aduio": "input_audio", "tool_reslt": "tool_result", "img": "image",
	} {
		_, err := OwnRequest([]byte(`{"messages":[{"role":"user","content":[{"type":"`+word+`","`+word+`":"x"}]}]}`), CallOptions{})
		require.ErrorContains(t, err, `messages[0].content[0].type is "`+word+`"; did you mean "`+want+`"?`, word)
	}
	for _, word := range []string{"point_cloud", "molecule", "latex", "table", "prompt", "json", "html", "uri", "link", "image_crop", "image_sequence", "audio_features", "x_text"} {
		_, err := OwnRequest([]byte(`{"messages":[{"role":"user","content":[{"type":"`+word+`","`+word+`":"x"}]}]}`), CallOptions{})
		require.NoError(t, err, word)
	}
}
