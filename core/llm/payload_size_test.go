package llm

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

func TestAPayloadIsASmallObject(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(Payload{}), uintptr(512), "a larger object costs the collector more, in every call")
}

func TestAnAnswerIsReadIntoOneSmallObject(t *testing.T) {
	data := []byte(`{"id":"id-1","object":"chat.completion","model":"model-1","choices":[{"message":{"role":"assistant","content":"A text."},"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2},"system_fingerprint":"fp_44709d6fcb"}`)
	texts := 3.0 // id, model, content
	extra := testing.AllocsPerRun(100, func() { kept = Extra{"system_fingerprint": nil} })
	require.InDelta(t, 1+texts+extra, testing.AllocsPerRun(100, func() { answer, _ = ReadResponse(data) }), 0.5)
	require.Equal(t, `"fp_44709d6fcb"`, string(answer.Extra["system_fingerprint"]))
}

var (
	kept   Extra
	answer *Response
)
