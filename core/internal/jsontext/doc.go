// Package jsontext walks and writes JSON text without a type for it. Requests
// and configurations are checked and patched where they stand, and answers are
// read field by field, lenient about types: the JSON library does neither, and
// its own check accepts text behind the value. Where JSON meets a Go type, off
// the hot path, that library is used instead: see JSON of core/llm.
//
// It imports the standard library only. Its main types are [Reader], the one
// walker of the grammar, and [Writer].
package jsontext
