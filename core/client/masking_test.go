package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/observe"
	"github.com/stretchr/testify/require"
)

// Whatever a server repeats, and wherever: no key is in the error, its JSON,
// the trail, the observations, the report, the log (E2, L2).
func TestKeysAppearNowhere(t *testing.T) {
	const body = `{"error":{"message":"key sk-secret-1, header Bearer sk-secret-2 or sk-secret-2, call sk-secret-3, plain visible","type":"t sk-secret-1","code":"c sk-secret-1"}}`
	for name, step := range map[string]faultwall.Step{
		"error":         {Status: 401, Body: body, Headers: faultwall.Headers{"X-Request-Id": {"r-sk-secret-1"}}},
		"page":          {Status: 502, Body: "<html>sk-secret-1 sk-secret-2 sk-secret-3</html>"},
		"200":           {Body: body},
		"no completion": {Body: `{"choices":[],"x":"sk-secret-1 sk-secret-2"}`},
		"in a stream":   {Events: []faultwall.Event{{Text: faultwall.Set("some")}, {Data: body}}},
		"redirect":      {Redirect: "http://sk-secret-1/?sk-secret-2"},
		"cut message":   {Status: 500, Body: strings.Repeat("x", 1<<10-9) + "sk-secret-1"},
	} {
		t.Run(name, func(t *testing.T) {
			w, err := faultwall.Start(faultwall.Script{}, faultwall.Options{})
			require.NoError(t, err)
			t.Cleanup(w.Close)
			w.Script("m", step)
			var log strings.Builder
			observers := &observe.Observers{}
			sub := observers.Subscribe(64)
			defer sub.Close()
			c, err := client.New(config.Model{Provider: "p", Name: "m", BaseURL: w.BaseURL(), APIKey: "sk-secret-1", MaxRetries: 1,
				Headers: map[string]string{"X-Auth-Token": "Bearer sk-secret-2", "X-Org": "visible"}},
				client.Options{Observers: observers, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
			require.NoError(t, err)
			defer func() { require.NoError(t, c.Close(t.Context())) }()
			q := ask()
			q.Options.Headers = map[string]string{"Authorization": "Bearer sk-secret-3"}
			s, err := c.Stream(t.Context(), q)
			if err == nil {
				_, err = s.Collect()
			}
			require.Error(t, err)
			if name == "error" {
				require.ErrorContains(t, err, "visible", "and nothing else is masked")
			}
			told := []any{err, err.Error(), llm.AsError(err), c.Report(), log.String(), c}
			for len(sub.C()) > 0 {
				told = append(told, <-sub.C())
			}
			for e := err; e != nil; e = errors.Unwrap(e) {
				told = append(told, e.Error())
			}
			for _, what := range told {
				text, _ := json.Marshal(what)
				for _, form := range []string{string(text), fmt.Sprint(what), fmt.Sprintf("%+v", what)} {
					require.NotContains(t, form, "sk-secret", "%T", what)
				}
			}
		})
	}
}
