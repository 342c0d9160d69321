// Package faultwall is an HTTP server whose misbehaviour is scripted, step by
// step for each model. It speaks OpenAI's chat completions (Azure's too) and
// Responses API, Gemini's generateContent, Anthropic's Messages and Ollama's
// chat, and is to tests of LLM clients what net/http/httptest is to tests of
// HTTP: a real server on a real loopback port, gone after the test.
//
//	wall, err := faultwall.Start(faultwall.Script{}, faultwall.Options{})
//	if err != nil { … }
//	defer wall.Close()
//	wall.Script("gpt-a", faultwall.Step{Status: 503}, faultwall.Step{Text: faultwall.Set("at last")})
//	// point a client at wall.BaseURL(), let it ask gpt-a, then look at wall.Seen()
//
// # Scripts
//
// A [Script] holds a [Plan] for each model: a list of steps, one used for each
// request in the order of arrival, and what happens after the last one. A model
// without a plan answers healthily ("Hello from MODEL."). Scripts are JSON for
// people who do not write Go ([ParseScript]; the table of all fields is
// SCRIPT.md) and plain structs for those who do; both are checked in the same
// strict way: an unknown key is an error that names the nearest known one.
//
// # What really happens on the wire
//
// The wall writes HTTP/1.1 by itself on the TCP connection, so that faults
// below HTTP occur for real: a reset is a TCP reset (SO_LINGER 0), a body cut
// short is a FIN before Content-Length or the last chunk, a chunk can be torn,
// headers can drip, bytes can be garbage, a kept-alive connection can turn out
// to be stale. Healthy answers keep the connection alive. With [Options].HTTP2
// clients may negotiate HTTP/2 over TLS; there a cut is a reset of the stream,
// and fields about bytes below HTTP are answered with status 501.
//
// # What the wall saw
//
// [Wall.Seen] is a snapshot of all requests with their times, headers and
// bodies, how many were in flight together, and whether and when the client
// went away; [Wall.Wait] blocks until such a snapshot satisfies a condition, so
// that tests wait for events instead of sleeping. Each connection is read all
// the time, so a disconnect is seen at once, even while the wall is silent.
//
// A request counts as in flight until just before the write that lets a client
// regard the answer as complete (the last byte of a body, the finish reason of
// a stream's last choice), so that a client which keeps a limit is never blamed
// for being faster than the wall's own book-keeping.
//
// A Wall and all its methods are safe for concurrent use.
package faultwall
