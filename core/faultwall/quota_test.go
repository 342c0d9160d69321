package faultwall_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/stretchr/testify/require"
)

// ask posts a chat completion and returns the answer's head.
func askQuota(t *testing.T, w *faultwall.Wall, path, body string) *http.Response {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, w.URL()+path, strings.NewReader(body))
	require.NoError(t, err)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(request)
	require.NoError(t, err)
	_, _ = io.Copy(io.Discard, resp.Body)
	require.NoError(t, resp.Body.Close())
	return resp
}

func TestAQuotaRefusesWhatItHasNoRoomFor(t *testing.T) {
	w, err := faultwall.Start(faultwall.MustScript(`{"models": {"a": {"steps": [{"usage": {"prompt_tokens": 60, "completion_tokens": 20}}],
		"quota": {"tpm": 6000, "rpm": 600, "burst_s": 2, "headers": true}}}}`), faultwall.Options{})
	require.NoError(t, err)
	defer w.Close()
	for i := range 2 { // 80 of 200 tokens each
		resp := askQuota(t, w, "/v1/chat/completions", `{"model":"a","messages":[]}`)
		require.Equal(t, 200, resp.StatusCode)
		require.Equal(t, "6000", resp.Header.Get("x-ratelimit-limit-tokens"))
		require.Equal(t, "600", resp.Header.Get("x-ratelimit-limit-requests"))
		require.Equal(t, []string{"120", "40"}[i][:1], resp.Header.Get("x-ratelimit-remaining-tokens")[:1])
		require.Regexp(t, `^([0-9.]+(ms|s))$`, resp.Header.Get("x-ratelimit-reset-tokens"))
	}
	resp := askQuota(t, w, "/v1/chat/completions", `{"model":"a","messages":[]}`)
	require.Equal(t, 429, resp.StatusCode)
	require.Equal(t, "1", resp.Header.Get("Retry-After"))

	// Halved at run time: the level stays.
	require.NoError(t, w.SetScript(faultwall.MustScript(`{"models": {"a": {"quota": {"tpm": 3000, "burst_s": 2, "form": "ietf"}}}}`)))
	require.Equal(t, 200, askQuota(t, w, "/v1/chat/completions", `{"model":"a","messages":[]}`).StatusCode)
}

func TestAQuotaSpeaksTheVendorsForm(t *testing.T) {
	w, err := faultwall.Start(faultwall.MustScript(`{"default": {"quota": {"tpm": 60000, "rpm": 60, "level": 0.5, "headers": true, "admission": "max_tokens"}},
		"models": {"i": {"quota": {"rpm": 60, "form": "ietf"}}}}`), faultwall.Options{})
	require.NoError(t, err)
	defer w.Close()
	h := askQuota(t, w, "/v1/messages", `{"model":"claude","max_tokens":10000}`).Header
	require.Equal(t, "60000", h.Get("anthropic-ratelimit-tokens-limit"))
	require.Equal(t, "1", h.Get("anthropic-ratelimit-tokens-remaining")[:1])
	require.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`, h.Get("anthropic-ratelimit-requests-reset"))
	h = askQuota(t, w, "/v1/chat/completions", `{"model":"i"}`).Header
	require.Equal(t, `"default";q=60;w=60`, h.Get("ratelimit-policy"))
	require.Equal(t, `"default";r=59;t=1`, h.Get("ratelimit"))
}

func TestAQuotaOfNonsenseIsRefused(t *testing.T) {
	for script, want := range map[string]string{
		`{"models":{"a":{"quota":{"tmp":1}}}}`:               `models.a.quota: unknown key "tmp"; did you mean "tpm"?`,
		`{"models":{"a":{"quota":{"tpm":-1}}}}`:              `models.a.quota.tpm must not be negative`,
		`{"models":{"a":{"quota":{"level":2}}}}`:             `models.a.quota.level must be from 0 to 1`,
		`{"models":{"a":{"quota":{"form":"groq"}}}}`:         `models.a.quota.form must be one of openai, anthropic, ietf`,
		`{"models":{"a":{"quota":{"admission":"nothing"}}}}`: `models.a.quota.admission must be one of`,
	} {
		_, err := faultwall.ParseScript([]byte(script))
		require.ErrorContains(t, err, want)
	}
}
