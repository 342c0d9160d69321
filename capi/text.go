package main

// #include "shim.h"
import "C"

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/llmagg/llmagg/core/llm"
)

// borrow returns the caller's text without a copy: do not change it, and do not
// keep it beyond the call. The shim has made NULL of an empty text.
func borrow(p *C.char, n C.size_t) []byte {
	if p == nil {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(p)), int(n))
}

// name copies the name of something, which the argument what holds.
func name(what string, p *C.char, n C.size_t) (string, error) {
	s := string(borrow(p, n))
	if !utf8.ValidString(s) {
		return "", llm.Errorf(llm.InvalidArgument, "argument %s is not valid UTF-8", what)
	}
	if strings.IndexByte(s, 0) >= 0 {
		return "", llm.Errorf(llm.InvalidArgument, "argument %s holds a NUL byte at offset %d", what, strings.IndexByte(s, 0))
	}
	return s, nil
}

// setBuf gives the caller a copy of data, with a NUL behind it.
func setBuf(out *C.llmagg_buf, data []byte) error {
	p := C.shim_bytes(C.size_t(len(data) + 1))
	if p == nil {
		return llm.Errorf(llm.Internal, "out of memory for an answer of %d bytes", len(data))
	}
	to := unsafe.Slice((*byte)(unsafe.Pointer(p)), len(data)+1)
	copy(to, data)
	to[len(data)] = 0
	out.ptr, out.len = p, C.size_t(len(data))
	return nil
}

// setJSON gives the caller v as JSON.
func setJSON(out *C.llmagg_buf, v any) error {
	data, err := llm.JSON.Marshal(v)
	if err != nil {
		return err
	}
	return setBuf(out, data)
}

// checkObject refuses data that is not exactly one JSON object in UTF-8.
func checkObject(what string, data []byte) error {
	if !utf8.Valid(data) {
		return llm.Errorf(llm.InvalidArgument, "argument %s is not valid UTF-8", what)
	}
	if !json.Valid(data) {
		return llm.Errorf(llm.InvalidArgument, "argument %s is not valid JSON", what)
	}
	if trimmed := trimSpace(data); trimmed[0] != '{' {
		return llm.Errorf(llm.InvalidArgument, "argument %s is not a JSON object", what)
	}
	return nil
}

// readObject reads data that must be exactly one JSON object in UTF-8.
func readObject(what string, data []byte, to json.Unmarshaler) error {
	if err := checkObject(what, data); err != nil {
		return err
	}
	if err := to.UnmarshalJSON(data); err != nil {
		return llm.Errorf(llm.InvalidArgument, "argument %s cannot be read: %v", what, err)
	}
	return nil
}

func trimSpace(data []byte) []byte {
	for len(data) > 0 && (data[0] == ' ' || data[0] == '\t' || data[0] == '\n' || data[0] == '\r') {
		data = data[1:]
	}
	return data
}
