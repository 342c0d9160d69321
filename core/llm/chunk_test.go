package llm

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestChunksOfAStreamKeepTheirOwnUnknownFields(t *testing.T) {
	var d ChunkDecoder
	for _, step := range []struct{ in, extra string }{
		{`{"id":"1","a":1}`, `{"a":1}`},
		{`{"id":"1","a":1}`, `{"a":1}`},
		{`{"id":"1","a": 1 ,"b":2}`, `{"a":1,"b":2}`},
		{`{"id":"1","a":1}`, `{"a":1}`},
		{`{"id":"1","a":1,"a":2}`, `{"a":2}`},
		{`{"id":"1","b":[1,{"c":null}]}`, `{"b":[1,{"c":null}]}`},
		{`{"id":"1","b":[1,{"c":null}],"a":1}`, `{"a":1,"b":[1,{"c":null}]}`},
		{`{"id":"1"}`, `null`},
		{`{"id":"1","a":1}`, `{"a":1}`},
	} {
		c, err := d.Decode([]byte(step.in))
		require.NoError(t, err)
		got, err := json.Marshal(c.Extra)
		require.NoError(t, err)
		require.JSONEq(t, step.extra, string(got), step.in)
	}
	_, err := d.Decode([]byte(`{"id":"1","a":1,"a":}`))
	require.Error(t, err)
}

func TestAnUnknownFieldThatAStreamRepeatsIsKeptOnce(t *testing.T) {
	var d ChunkDecoder
	chunk := []byte(`{"id":"1","model":"m","system_fingerprint":"fp","choices":[]}`)
	before, err := d.Decode(chunk)
	require.NoError(t, err)
	require.Equal(t, 1.0, testing.AllocsPerRun(100, func() {
		if c, err := d.Decode(chunk); err != nil || len(c.Extra) != len(before.Extra) {
			t.Fatal(err)
		}
	}), "the chunk itself")
}
