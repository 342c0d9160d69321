package main

// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"unsafe"

	"github.com/llmagg/llmagg/core/llm"
)

// setError gives the caller an error, if it wants one, and returns its status.
func setError(to **C.llmagg_error, e error) C.llmagg_status {
	le := asError(e)
	if to != nil {
		text, json := le.Text(), errorJSON(le)
		*to = C.shim_error_new(C.llmagg_status(le.Code), chars(text), C.size_t(len(text)),
			(*C.char)(unsafe.Pointer(unsafe.SliceData(json))), C.size_t(len(json)))
	}
	return C.llmagg_status(le.Code)
}

// asError is llm.AsError that knows contexts.
func asError(e error) *llm.Error {
	var le *llm.Error
	switch {
	case errors.As(e, &le):
		return le
	case errors.Is(e, context.DeadlineExceeded):
		return llm.Errorf(llm.Timeout, "the deadline passed")
	case errors.Is(e, context.Canceled):
		return llm.Errorf(llm.Canceled, "the caller canceled")
	}
	return llm.AsError(e)
}

func errorJSON(e *llm.Error) []byte {
	data, err := e.MarshalJSON()
	if err != nil {
		data, _ = llm.Errorf(e.Code, "the error cannot be written as JSON: %v", err).MarshalJSON()
	}
	return data
}

// chars is the text's bytes, for a C function that gets the length too and
// does not keep the pointer.
func chars(s string) *C.char { return (*C.char)(unsafe.Pointer(unsafe.StringData(s))) }
