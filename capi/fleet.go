package main

// #include "shim.h"
import "C"

import (
	"log/slog"
	"sync"
	"unsafe"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/fleet"
	"github.com/llmagg/llmagg/core/manager"
)

// membership holds a manager's membership in a fleet. Members are known by
// interfaces here, so that a library without a store links nothing of them.
type membership struct {
	mu sync.Mutex // guards what follows
	in manager.Sharing
}

// everywhere is the default manager's membership: routes of clients without a
// manager belong to it.
var everywhere membership

func (e *membership) now() manager.Sharing {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.in
}

// becomes reports whether it was another one before.
func (e *membership) becomes(s manager.Sharing) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.in == s {
		return false
	}
	e.in = s
	return true
}

// ends forgets a membership, unless another one has followed.
func (e *membership) ends(s manager.Sharing) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.in == s {
		e.in = nil
	}
}

// attached makes a client that has no manager a member of the default manager's
// fleet.
func attached(c *client.Client, err error) (*client.Client, error) {
	if m := everywhere.now(); m != nil && err == nil {
		m.Attach(c)
	}
	return c, err
}

// joins makes a manager join the fleet of a configuration, nil: none.
func (o *managerObject) joins(c *config.Fleet) error {
	if err := fleet.JoinConfigured(o.m, c, slog.New(logHandler{})); err != nil || c == nil {
		return err
	}
	theDefault.Lock()
	isDefault := theDefault.object == o
	theDefault.Unlock()
	if m := o.m.Sharing(); isDefault && m != nil && everywhere.becomes(m) {
		for x := range live[*clientObject](C.SHIM_CLIENT) {
			if x.owned {
				m.Attach(x.c)
			}
		}
	}
	return nil
}

//export goManagerJoin
func goManagerJoin(h unsafe.Pointer, text *C.char, n C.size_t, err **C.llmagg_error) C.llmagg_status {
	return on("llmagg_manager_join", h, err, func(o *managerObject) error {
		return o.scope.during(func() error {
			c, e := config.ParseFleet(borrow(text, n), parseOptions())
			if e != nil {
				return e
			}
			if c == nil {
				everywhere.ends(o.m.Sharing())
				return o.m.Share(nil)
			}
			return o.joins(c)
		})
	})
}

//export goManagerFleetReport
func goManagerFleetReport(h unsafe.Pointer, out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return tell("llmagg_manager_fleet_report", h, out, err, func(o *managerObject) any {
		if m := o.m.Sharing(); m != nil {
			return m
		}
		return nil
	})
}
