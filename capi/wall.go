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

func parseScript(script *C.char, n C.size_t) (faultwall.Script, error) {
	text := borrow(script, n)
	if text == nil {
		text = []byte("{}")
	}
	s, err := faultwall.ParseScript(text)
	if err != nil {
		return s, llm.Errorf(llm.InvalidArgument, "%v", err)
	}
	return s, nil
}

//export goWallStart
func goWallStart(script *C.char, n C.size_t, out *C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_wall_start", err, func() error {
		s, e := parseScript(script, n)
		if e != nil {
			return e
		}
		server, e := faultwall.Start(s, faultwall.Options{OnSocket: func(fd uintptr) { C.shim_fd_note(C.int(fd), 0) }})
		if e != nil {
			return llm.Errorf(llm.Unavailable, "%v", e)
		}
		return giveHandle(out, wall{server})
	})
}

//export goWallUrl
func goWallUrl(h unsafe.Pointer, out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_wall_url", err, func() error {
		w := held[wall](h)
		return setBuf(out, []byte(w.server.BaseURL()))
	})
}

//export goWallSeen
func goWallSeen(h unsafe.Pointer, out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_wall_seen", err, func() error {
		w := held[wall](h)
		return setBuf(out, w.server.SeenJSON())
	})
}

//export goWallScript
func goWallScript(h unsafe.Pointer, script *C.char, n C.size_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_wall_script", err, func() error {
		w := held[wall](h)
		s, e := parseScript(script, n)
		if e != nil {
			return e
		}
		if e := w.server.SetScript(s); e != nil {
			return llm.Errorf(llm.InvalidArgument, "%v", e)
		}
		return nil
	})
}

//export goWallRelease
func goWallRelease(h unsafe.Pointer, hold *C.char, n C.size_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_wall_release", err, func() error {
		w := held[wall](h)
		at, e := name("name", hold, n)
		if e != nil {
			return e
		}
		w.server.Release(at)
		return nil
	})
}

//export goWallKill
func goWallKill(h unsafe.Pointer, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_wall_kill", err, func() error {
		w := held[wall](h)
		w.server.Kill()
		return nil
	})
}

//export goWallRevive
func goWallRevive(h unsafe.Pointer, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_wall_revive", err, func() error {
		w := held[wall](h)
		if e := w.server.Revive(); e != nil {
			return llm.Errorf(llm.Unavailable, "%v", e)
		}
		return nil
	})
}

//export goWallFree
func goWallFree(e *C.shim_entry) {
	freed("llmagg_wall_free", e, func(w wall) {
		w.server.Close()
	})
}
