// Package llm is the domain of llmagg: messages, requests, responses, chunks,
// errors and the attempt trail. It does no I/O, starts no
// goroutine and reads no environment; everything that talks to a network lives
// in the packages above it (client, provider, manager, aggregator).
//
// The shapes are those of OpenAI's chat completions (OpenAI API reference,
// "Chat"). Encoding is strict: a field that is not set is omitted, never sent
// as null. Decoding is lenient: a null role, a missing usage or an unknown
// field is not an error, and unknown fields are kept in Extra so that they pass
// through in both directions.
//
// Values of this package may be shared between goroutines as long as nobody
// changes them; the types that lock say so.
package llm
