package faultwall_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/stretchr/testify/require"
)

func TestScriptErrorsSayWhatAndWhere(t *testing.T) {
	for script, want := range map[string]string{
		`{"models":{"a":{"steps":[{"code":503}]}}}`: `models.a.steps[0]: unknown key "code"; did you mean "status"?`,
		`{"modles":{}}`:                                                                         `unknown key "modles"; did you mean "models"?`,
		`{"models":{"a":{"step":[]}}}`:                                                          `models.a: unknown key "step"; did you mean "steps"?`,
		`{"models":{"a":{"steps":[{},{"statsu":503}]}}}`:                                        `models.a.steps[1]: unknown key "statsu"; did you mean "status"?`,
		`{"models":{"a":{"steps":[{"drip_body":1}]}}}`:                                          `did you mean "drip_body_s"?`,
		`{"models":{"a":{"steps":[{"cut":{"how":"reset","after":2}}]}}}`:                        `models.a.steps[0].cut: unknown key "after"; did you mean`,
		`{"models":{"a":{"steps":[{"status":"503"}]}}}`:                                         `models.a.steps[0].status: must be a whole number, not "503"`,
		`{"models":{"a":{"steps":{}}}}`:                                                         `models.a.steps: must be a list, not an object`,
		`{"models":[]}`:                                                                         `models: must be an object, not an array`,
		`{"models":{"a":{"steps":[{"headers":{"A":1}}]}}}`:                                      `models.a.steps[0].headers: header "A" must be a string`,
		`{"models":{"a":{"steps":[{"headers":{"A":[1]}}]}}}`:                                    `header "A": its list may hold strings only`,
		`{"models":{"a":{"steps":[{"headers":{"A b":"1"}}]}}}`:                                  `"A b" is no header name`,
		`{"models":{"a":{"steps":[{"events":[{"dealy_s":1}]}]}}}`:                               `models.a.steps[0].events[0]: unknown key "dealy_s"; did you mean "delay_s"?`,
		`{"models":{"a":{"steps":[{"events":[{"delay_s":-1}]}]}}}`:                              `models.a.steps[0].events[0].delay_s must not be negative`,
		`{"models":{"a":{"steps":[{"cut":{"how":"rst"}}]}}}`:                                    `models.a.steps[0].cut.how must be one of clean, close, mid_chunk, reset, silence, refuse, go_away, not "rst"`,
		`{"models":{"a":{"steps":[{"cut":{"how":"reset","at":"start"}}]}}}`:                     `cut.at must be one of before_headers, after_headers`,
		`{"models":{"a":{"steps":[{"cut":{"how":"clean","at":"before_headers"}}]}}}`:            `before_headers goes with`,
		`{"models":{"a":{"steps":[{"cut":{"how":"reset","after_events":1,"after_bytes":1}}]}}}`: `exclude each other`,
		`{"models":{"a":{"steps":[{"cut":{"how":"reset","after_bytes":-1}}]}}}`:                 `must not be negative`,
		`{"models":{"a":{"steps":[{"raw":"x","cut":{"how":"clean"}}]}}}`:                        `raw goes with`,
		`{"models":{"a":{"steps":[{"body":"x","events":[]}]}}}`:                                 `body and events exclude each other`,
		`{"models":{"a":{"steps":[{"chunks":1,"chunk_chars":1}]}}}`:                             `chunks and chunk_chars exclude each other`,
		`{"models":{"a":{"steps":[{"delay_body_s":-0.1}]}}}`:                                    `models.a.steps[0].delay_body_s must not be negative`,
		`{"models":{"a":{"steps":[{"status":100}]}}}`:                                           `status must be from 200 to 999`,
		`{"models":{"a":{"steps":[{"newline":"nl"}]}}}`:                                         `newline must be one of lf, crlf, cr`,
		`{"models":{"a":{"steps":[{"framing":"none"}]}}}`:                                       `framing must be one of length, chunked, close`,
		`{"models":{"a":{"steps":[{"usage_chunk":"x"}]}}}`:                                      `usage_chunk must be one of`,
		`{"models":{"a":{"after":"stop"}}}`:                                                     `models.a.after must be one of repeat_last, loop, ok, not "stop"`,
		`{"default":{"after":"x"}}`:                                                             `default.after must be one of`,
		`{"health":{"steps":[{"status":1}]}}`:                                                   `health.steps[0].status`,
		`{"accept":["ok","no"]}`:                                                                `accept must be one of`,
		`{"options":{"cert":"old"}}`:                                                            `options.cert must be one of`,
		`{"options":{"tsl":true}}`:                                                              `options: unknown key "tsl"; did you mean "tls"?`,
		`{"models":`:                                                                            `unexpected end of JSON input`,
		`[]`:                                                                                    `must be an object, not an array`,
		`{} x`:                                                                                  `invalid character 'x' after top-level value`,
	} {
		_, err := faultwall.ParseScript([]byte(script))
		require.ErrorContains(t, err, want, script)
	}
}

func TestStartChecksScriptsMadeInGo(t *testing.T) {
	_, err := faultwall.Start(faultwall.Script{Default: &faultwall.Plan{Steps: []faultwall.Step{{DelayBodyS: math.NaN()}}}}, faultwall.Options{})
	require.ErrorContains(t, err, "default.steps[0].delay_body_s")
	_, err = faultwall.Start(faultwall.Script{}, faultwall.Options{Cert: "old"})
	require.ErrorContains(t, err, "options.cert")
	_, err = faultwall.Start(faultwall.Script{}, faultwall.Options{Addr: "127.0.0.1:notaport"})
	require.Error(t, err)
	require.Panics(t, func() { faultwall.MustScript(`{"x":1}`) })
	w := start(t, `{}`)
	require.Panics(t, func() { w.Script("a", faultwall.Step{Status: 1}) })
	require.Error(t, w.SetScript(faultwall.Script{Accept: faultwall.Accept{All: "no"}}))
	require.Error(t, w.SetHealth(faultwall.Plan{After: "no"}))
}

func TestScriptSurvivesJSON(t *testing.T) {
	const text = `{"models":{"a":{"steps":[{"times":2,"status":429,"headers":{"A":"1","B":["1","2"],"Date":null},
		"body":{"z":1,"a":[1.50,2]}},{"events":["[DONE]",{"text":"x"},{"error":{"message":"m"}},{"comment":"c"},{"delay_s":1}],
		"done":true,"cut":{"how":"reset","after_events":0}},{"text":"","body_b64":"AA=="}],"after":"loop"}},
		"default":{"steps":[{"body":"text"}]},"accept":["reset","ok"]}`
	first, err := faultwall.ParseScript([]byte(text))
	require.NoError(t, err)
	again, err := json.Marshal(first)
	require.NoError(t, err)
	second, err := faultwall.ParseScript(again)
	require.NoError(t, err)
	third, err := json.Marshal(second)
	require.NoError(t, err)
	require.Equal(t, string(again), string(third))
	require.Contains(t, string(again), `{"z":1,"a":[1.50,2]}`, "a body stays as it was written")
	empty, err := faultwall.ParseScript(nil)
	require.NoError(t, err)
	require.Equal(t, faultwall.Script{}, empty)
	all := faultwall.MustScript(`{"accept":"silence"}`)
	require.Equal(t, "silence", all.Accept.All)
}

// statuses asks a model n times.
func statuses(t *testing.T, w *faultwall.Wall, model string, n int) []int {
	t.Helper()
	c := client(t, w)
	var all []int
	for range n {
		all = append(all, ask(t, w, c, model, false).status)
	}
	return all
}

func TestPlansAdvanceByModel(t *testing.T) {
	w := start(t, `{
		"models": {
			"last": {"steps": [{"status": 500, "times": 2}, {"status": 503}]},
			"loop": {"steps": [{"status": 500}, {"status": 503}], "after": "loop"},
			"ok": {"steps": [{"status": 500}], "after": "ok"},
			"none": {}
		},
		"default": {"steps": [{"status": 502}], "after": "ok"}
	}`)
	require.Equal(t, []int{500, 500, 503, 503}, statuses(t, w, "last", 4))
	require.Equal(t, []int{500, 503, 500, 503, 500}, statuses(t, w, "loop", 5))
	require.Equal(t, []int{500, 200, 200}, statuses(t, w, "ok", 3))
	require.Equal(t, []int{200, 200}, statuses(t, w, "none", 2))
	require.Equal(t, []int{502, 200}, statuses(t, w, "x", 2))
	require.Equal(t, []int{502, 200}, statuses(t, w, "y", 2), "each model walks through the default by itself")
	steps := []int{}
	for _, r := range w.Seen().Of("last") {
		steps = append(steps, r.Step)
	}
	require.Equal(t, []int{0, 0, 1, 1}, steps)
}

func TestScriptsCanBeReplaced(t *testing.T) {
	w := start(t, `{"models":{"a":{"steps":[{"status":500}]}}}`)
	require.Equal(t, []int{500}, statuses(t, w, "a", 1))
	w.Script("a", faultwall.Step{Status: 418}, faultwall.Step{})
	require.Equal(t, []int{418, 200, 200}, statuses(t, w, "a", 3))
	require.NoError(t, w.SetScript(faultwall.MustScript(`{"models":{"b":{"steps":[{"status":501}]}}}`)))
	require.Equal(t, []int{200}, statuses(t, w, "a", 1))
	require.Equal(t, []int{501}, statuses(t, w, "b", 1))
	require.NoError(t, w.SetPlan("b", faultwall.Plan{Steps: []faultwall.Step{{Status: 500}}, After: faultwall.AfterOK}))
	require.Equal(t, []int{500, 200}, statuses(t, w, "b", 2))
	require.Equal(t, 8, w.Seen().Totals.Requests, "what was seen is kept")
}
