package main

// #include "shim.h"
import "C"

import (
	"unsafe"

	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
)

type wall struct{ server *faultwall.Wall }

func (wall) kind() C.int { return C.SHIM_WALL }

func (w wall) free() { w.server.Close() }

func parseScript(script *C.char, n C.size_t) (faultwall.Script, error) {
	text := borrow(script, n)
	if text == nil {
		text = []byte("{}")
	}
	s, err := faultwall.ParseScript(text)
	return s, wallError(llm.InvalidArgument, err)
}

// wallError is an error of the wall's as an error with a code.
func wallError(code llm.Code, err error) error {
	if err == nil {
		return nil
	}
	return llm.Errorf(code, "%v", err)
}

//export goWallStart
func goWallStart(script *C.char, n C.size_t, out *C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return give("llmagg_wall_start", out, err, func() (object, error) {
		s, e := parseScript(script, n)
		if e != nil {
			return nil, e
		}
		server, e := faultwall.Start(s, faultwall.Options{OnSocket: func(fd uintptr) { C.shim_fd_note(C.int(fd), 0) }})
		return wall{server}, wallError(llm.Unavailable, e)
	})
}

//export goWallUrl
func goWallUrl(h unsafe.Pointer, out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return on("llmagg_wall_url", h, err, func(w wall) error { return setBuf(out, []byte(w.server.BaseURL())) })
}

//export goWallSeen
func goWallSeen(h unsafe.Pointer, out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return on("llmagg_wall_seen", h, err, func(w wall) error { return setBuf(out, w.server.SeenJSON()) })
}

//export goWallScript
func goWallScript(h unsafe.Pointer, script *C.char, n C.size_t, err **C.llmagg_error) C.llmagg_status {
	return on("llmagg_wall_script", h, err, func(w wall) error {
		s, e := parseScript(script, n)
		if e != nil {
			return e
		}
		return wallError(llm.InvalidArgument, w.server.SetScript(s))
	})
}

//export goWallRelease
func goWallRelease(h unsafe.Pointer, hold *C.char, n C.size_t, err **C.llmagg_error) C.llmagg_status {
	return on("llmagg_wall_release", h, err, func(w wall) error {
		at, e := name("name", hold, n)
		if e == nil {
			w.server.Release(at)
		}
		return e
	})
}

//export goWallKill
func goWallKill(h unsafe.Pointer, err **C.llmagg_error) C.llmagg_status {
	return on("llmagg_wall_kill", h, err, func(w wall) error {
		w.server.Kill()
		return nil
	})
}

//export goWallRevive
func goWallRevive(h unsafe.Pointer, err **C.llmagg_error) C.llmagg_status {
	return on("llmagg_wall_revive", h, err, func(w wall) error { return wallError(llm.Unavailable, w.server.Revive()) })
}
