package wire

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
)

func TestParameters(t *testing.T) {
	for _, c := range []struct{ given, typed, whole string }{
		{"", `{"type":"object","properties":{}}`, `{"type":"object","properties":{}}`},
		{"null", `{"type":"object","properties":{}}`, `{"type":"object","properties":{}}`},
		{"{}", `{"type":"object","properties":{}}`, `{"type":"object","properties":{}}`},
		{"{ }", `{"type":"object","properties":{}}`, `{"type":"object","properties":{}}`},
		{`{"type":"object"}`, `{"type":"object"}`, `{"properties":{},"type":"object"}`},
		{`{"properties":{"type":{}}}`, `{"type":"object","properties":{"type":{}}}`, `{"type":"object","properties":{"type":{}}}`},
		{`{ "$schema": "x" }`, `{"type":"object", "$schema": "x" }`, `{"properties":{},"type":"object", "$schema": "x" }`},
		{`{"anyOf":[{"type":"object"}]}`, `{"type":"object","anyOf":[{"type":"object"}]}`, `{"type":"object","anyOf":[{"type":"object"}]}`},
		{`true`, `true`, `true`},
		{`"x"`, `"x"`, `"x"`},
	} {
		f := &llm.Function{Parameters: json.RawMessage(c.given)}
		require.Equal(t, c.typed, string(Parameters(f)), c.given)
		require.Equal(t, c.whole, string(WholeParameters(f)), c.given)
	}
}
