// Package jsontext walks and writes JSON text: it checks requests and
// configurations strictly and says where they are wrong, without allocating,
// finds the spans of their fields, and appends fields to a buffer. It exists
// beside the JSON library because such texts are checked and patched, not
// decoded and encoded again, and because the library's own check accepts text
// behind the value.
//
// It imports the standard library only. Its main types are [Scanner] and
// [Writer].
package jsontext
