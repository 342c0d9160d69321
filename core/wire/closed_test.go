package wire_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

func TestNativeSchema(t *testing.T) {
	node := `"$defs":{"node":{"type":"object","properties":{"next":{"$ref":"#/$defs/node"}}}}`
	for name, c := range map[string]struct{ schema, native, adapted string }{
		"names of properties are no keywords": {`{"type":"object","properties":{"not":{"type":"string"},"maximum":{"const":{"minimum":1}}}}`,
			`{"type":"object","properties":{"not":{"type":"string"},"maximum":{"const":{"minimum":1}}},"additionalProperties":false}`, ""},
		"an object without properties that is closed": {`{"type":"object","additionalProperties":false}`, `{"type":"object","additionalProperties":false}`, ""},
		"all keywords left out":                       {`{"maxLength":1,"type":"string","minLength":1}`, `{"type":"string"}`, "response_format.maxLength: left out, response_format.minLength: left out"},
		"a definition that two need":                  {`{"anyOf":[{"$ref":"#/definitions/a"},{"$ref":"#/definitions/a"}],"definitions":{"a":{"type":"integer"}}}`, `{"anyOf":[{"$ref":"#/definitions/a"},{"$ref":"#/definitions/a"}],"definitions":{"a":{"type":"integer"}}}`, ""},
		"allOf of bounds":                             {`{"allOf":[{"type":"string"},{"type":"string","pattern":"a"}]}`, `{"allOf":[{"type":"string"},{"type":"string","pattern":"a"}]}`, ""},
		"allOf of objects":                            {`{"allOf":[{"properties":{"a":{"type":"string"}}}]}`, "", ""},
		"recursion":                                   {`{"$ref":"#/$defs/node",` + node + `}`, "", ""},
		"recursion to the root":                       {`{"type":"object","properties":{"a":{"$ref":"#"}}}`, "", ""},
		"recursion that nothing reaches":              {`{"type":"string",` + node + `}`, "", ""},
		"any value":                                   {`{"type":"object","properties":{"a":{}}}`, "", ""},
		"true":                                        {`{"type":"array","items":true}`, "", ""},
		"items one by one":                            {`{"type":"array","items":[{"type":"string"}]}`, "", ""},
		"a map or null":                               {`{"type":["object","null"]}`, "", ""},
		"anyOf beside oneOf":                          {`{"anyOf":[{"type":"string"}],"oneOf":[{"type":"string"}]}`, "", ""},
		"anyOf that is no list":                       {`{"anyOf":{"type":"string"}}`, "", ""},
		"properties that are no object":               {`{"type":"object","properties":[1]}`, "", ""},
		"a $ref that is no text":                      {`{"$ref":1}`, "", ""},
		"no object":                                   {`[1]`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			call := &wire.Call{}
			native := wire.NativeSchema(call, "claude-sonnet-4-5", &llm.JSONSchema{Schema: []byte(c.schema)})
			require.Equal(t, c.native, string(native))
			require.Equal(t, c.adapted, strings.Join(call.Adapted, ", "))
		})
	}
	// Definitions that need the next one twice each are read once.
	doubling := strings.Builder{}
	for i := range 60 {
		next := strings.Repeat("x", i+2)
		doubling.WriteString(`"` + strings.Repeat("x", i+1) + `":{"anyOf":[{"$ref":"#/$defs/` + next + `"},{"$ref":"#/$defs/` + next + `"}]},`)
	}
	schema := `{"$ref":"#/$defs/x","$defs":{` + doubling.String() + `"` + strings.Repeat("x", 61) + `":{"type":"string"}}}`
	require.Equal(t, schema, string(wire.NativeSchema(&wire.Call{}, "claude-sonnet-4-5", &llm.JSONSchema{Schema: []byte(schema)})))
	require.Nil(t, wire.NativeSchema(&wire.Call{}, "claude-3-5-haiku", &llm.JSONSchema{Schema: []byte(`{"type":"string"}`)}))
}
