// Package jsontext walks JSON text: it checks requests and configurations
// strictly and says where they are wrong, without allocating, and finds the
// spans of their fields. It exists beside the JSON library because such texts
// are checked and patched, not decoded and encoded again, and because the
// library's own check accepts text behind the value.
//
// It imports the standard library only. Its main type is [Scanner].
package jsontext
