// Package faultwall is an HTTP server whose misbehaviour is scripted, step by
// step for each model, in the formats of the vendors (SCRIPT.md). It is to
// tests of LLM clients what net/http/httptest is to tests of HTTP:
//
//	wall, err := faultwall.Start(faultwall.Script{}, faultwall.Options{})
//	…
//	defer wall.Close()
//	wall.Script("gpt-a", faultwall.Step{Status: 503}, faultwall.Step{Text: faultwall.Set("at last")})
//	// point a client at wall.BaseURL(), let it ask gpt-a, then look at wall.Seen()
package faultwall
