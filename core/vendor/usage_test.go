package vendor

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// A usage is one model, whoever sent it: testdata/usage holds a file for each
// format, with answers as the vendor writes them. A number that is not in
// "tokens" is unknown.
func TestUsage(t *testing.T) {
	files, err := filepath.Glob("testdata/usage/*.json")
	require.NoError(t, err)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			v, known := find(name)
			if name == responsesName {
				v, known = responsesRow, true
			}
			require.True(t, known)
			for _, c := range readUsages(t, file) {
				p, err := llm.OwnRequest([]byte(`{"messages":[{"role":"user","content":"hi"}]}`), llm.CallOptions{})
				require.NoError(t, err)
				f := v.Format("http://localhost/v1", "k")
				r, err := f.Response(c.Answer, &wire.Call{Payload: p, Model: "m"})
				require.NoError(t, err, c.Title)
				require.Equal(t, c.Tokens, r.Usage.Tokens(), c.Title)
				read := again(t, r.Usage)
				require.Equal(t, c.Tokens, read.Tokens(), "%s, read again", c.Title)
			}
		})
	}
}

// Each format that is a vendor's own has its file.
func TestEachFormatHasItsUsages(t *testing.T) {
	for _, v := range vendors {
		if v.own == "" && v.name != "openai" {
			continue
		}
		_, err := os.Stat("testdata/usage/" + v.name + ".json")
		require.NoError(t, err, "write testdata/usage/%s.json: answers as the vendor writes them, and their tokens", v.name)
	}
}

type usageCase struct {
	Title  string
	Answer json.RawMessage
	Tokens llm.Tokens
}

func readUsages(t *testing.T, file string) (cases []usageCase) {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &cases))
	require.NotEmpty(t, cases)
	return cases
}

// again is a usage as another door reads it.
func again(t *testing.T, u *llm.Usage) *llm.Usage {
	t.Helper()
	if u == nil {
		return nil
	}
	data, err := u.MarshalJSON()
	require.NoError(t, err)
	read := &llm.Usage{}
	require.NoError(t, read.UnmarshalJSON(data))
	return read
}
