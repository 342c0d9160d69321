package main

// #include "shim.h"
import "C"

import (
	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
)

type wall struct{ server *faultwall.Wall }

func (wall) kind() string { return "wall" }

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
		*out = newHandle(wall{server})
		return nil
	})
}

//export goWallUrl
func goWallUrl(h C.uintptr_t, out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_wall_url", err, func() error {
		w, e := lookup[wall]("wall", h)
		if e != nil {
			return e
		}
		return setBuf(out, []byte(w.server.BaseURL()))
	})
}

//export goWallSeen
func goWallSeen(h C.uintptr_t, out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_wall_seen", err, func() error {
		w, e := lookup[wall]("wall", h)
		if e != nil {
			return e
		}
		return setBuf(out, w.server.SeenJSON())
	})
}

//export goWallScript
func goWallScript(h C.uintptr_t, script *C.char, n C.size_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_wall_script", err, func() error {
		w, e := lookup[wall]("wall", h)
		if e != nil {
			return e
		}
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
func goWallRelease(h C.uintptr_t, hold *C.char, n C.size_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_wall_release", err, func() error {
		w, e := lookup[wall]("wall", h)
		if e != nil {
			return e
		}
		at, e := name("name", hold, n)
		if e != nil {
			return e
		}
		w.server.Release(at)
		return nil
	})
}

//export goWallKill
func goWallKill(h C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_wall_kill", err, func() error {
		w, e := lookup[wall]("wall", h)
		if e != nil {
			return e
		}
		w.server.Kill()
		return nil
	})
}

//export goWallRevive
func goWallRevive(h C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_wall_revive", err, func() error {
		w, e := lookup[wall]("wall", h)
		if e != nil {
			return e
		}
		if e := w.server.Revive(); e != nil {
			return llm.Errorf(llm.Unavailable, "%v", e)
		}
		return nil
	})
}

//export goWallFree
func goWallFree(h C.uintptr_t) {
	quiet("llmagg_wall_free", func() {
		if w, ok := take[wall](h, nil); ok {
			w.server.Close()
		}
	})
}
