// Package llm is the domain of llmagg: messages, requests, responses, chunks,
// errors and the trail of attempts, in the shapes of OpenAI's chat completions.
// It does no I/O, starts no goroutine and reads no environment.
//
// Encoding is strict: a field that is not set is omitted, never sent as null.
// Decoding is lenient: a null role, a missing usage or an unknown field is no
// error, and unknown fields are kept in Extra, so that they pass through in
// both directions. Goroutines may share values that nobody changes; the types
// that lock say so.
package llm
