package client_test

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/vendor"
	"github.com/stretchr/testify/require"
)

// vendorFailure is a failure in a vendor's form, in words of ours if it was not
// recorded.
type vendorFailure struct {
	Vendor, What string
	Status       int             // that the vendor sends it with
	Body         json.RawMessage // a string is a text as it is
	Code         string          // what it means
	In200        string          `json:"in_200"` // what it means without that status, where that is something else
	Says         string          // what its message holds

	// Recorded says where somebody published what the vendor answered to a
	// program of theirs, and when. Such a row is played as it came.
	Recorded   string
	Headers    map[string]string // those that matter
	VendorCode string            `json:"vendor_code"`
	RequestID  string            `json:"request_id"`
}

func vendorFailures(t *testing.T) (all []vendorFailure) {
	t.Helper()
	data, err := os.ReadFile("testdata/vendor_failures.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &all))
	return all
}

func (v *vendorFailure) text() string {
	var text string
	if json.Unmarshal(v.Body, &text) != nil {
		text = string(v.Body)
	}
	return text
}

func (v *vendorFailure) without() string {
	if v.In200 != "" {
		return v.In200
	}
	return v.Code
}

// Every vendor's failures mean what they mean, whichever way they come: with a
// status, in a 200, as the first event of a stream, after a token (E1, T4).
func TestVendorsFailures(t *testing.T) {
	w := wallWith(t, `[{}]`)
	tell := func(t *testing.T, step faultwall.Step, want string, v *vendorFailure, ask func(*client.Client) error) *llm.Error {
		w.Script("m", step)
		c := route(t, w, func(cfg *config.Model) { cfg.MaxRetries = 1 })
		err := ask(c)
		require.Error(t, err)
		e := llm.AsError(err)
		if e.Code == llm.StreamInterrupted && e.Cause != nil {
			require.Equal(t, "one ", e.Partial)
			e = llm.AsError(e.Cause)
		}
		require.Equal(t, want, e.Code.String(), "%v", err)
		require.Contains(t, e.Message, v.Says)
		return e
	}
	whole := func(c *client.Client) error { _, err := c.Chat(t.Context(), ask()); return err }
	stream := func(c *client.Client) error {
		s, err := c.Stream(t.Context(), ask())
		if err == nil {
			_, err = s.Collect()
		}
		return err
	}
	for _, v := range vendorFailures(t) {
		t.Run(v.Vendor+"/"+v.What, func(t *testing.T) {
			if v.Recorded != "" {
				step := faultwall.Step{Status: v.Status, Body: v.text(), Headers: faultwall.Headers{"X-Request-Id": nil}}
				for name, value := range v.Headers {
					step.Headers[name] = []string{value}
				}
				e := tell(t, step, v.Code, &v, whole)
				require.Contains(t, []string{"", e.ProviderCode}, v.VendorCode)
				require.Contains(t, []string{"", e.RequestID}, v.RequestID)
				return
			}
			if v.Status != 200 {
				e := tell(t, faultwall.Step{Status: v.Status, Body: v.text()}, v.Code, &v, whole)
				require.Equal(t, v.Status, e.Status)
			}
			if v.Body[0] == '"' { // words in a 200 are another matter
				return
			}
			e := tell(t, faultwall.Step{Body: v.text()}, v.without(), &v, whole)
			require.Equal(t, 200, e.Status)
			tell(t, faultwall.Step{Body: v.text()}, v.without(), &v, stream)
			tell(t, faultwall.Step{Events: []faultwall.Event{{Data: v.text()}, {Data: "[DONE]"}}}, v.without(), &v, stream)
			tell(t, faultwall.Step{Events: []faultwall.Event{{Text: faultwall.Set("one ")}, {Data: v.text()}, {Data: "[DONE]"}}}, v.without(), &v, stream)
		})
	}
}

// Each preset has a recorded failure, but those of which none was found on
// 2026-12-01.
func TestVendorsFailuresAreRecorded(t *testing.T) {
	none := []string{"baichuan", "llamafile", "nebius", "sambanova", "xinference"}
	recorded := map[string]bool{}
	for _, v := range vendorFailures(t) {
		recorded[v.Vendor] = recorded[v.Vendor] || v.Recorded != ""
	}
	for _, v := range vendor.Rows() {
		if v.Preset {
			found := slices.ContainsFunc(append(v.Aliases, v.Name), func(name string) bool { return recorded[name] })
			require.NotEqual(t, found, slices.Contains(none, v.Name), v.Name)
		}
	}
}
