package main

// #include "shim.h"
import "C"

import (
	"log/slog"
	"sync/atomic"
	"unsafe"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/fleet"
)

// everywhere is the default manager's membership: routes of clients without a
// manager belong to it. nil: none.
var everywhere atomic.Pointer[fleet.Member]

// attached makes a client that has no manager a member of the default manager's
// fleet.
func attached(c *client.Client, err error) (*client.Client, error) {
	if m := everywhere.Load(); m != nil && err == nil {
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
	if m := fleet.Of(o.m); isDefault && m != nil && everywhere.Swap(m) != m {
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
				if m := fleet.Of(o.m); m != nil {
					everywhere.CompareAndSwap(m, nil)
				}
				return o.m.Share(nil)
			}
			return o.joins(c)
		})
	})
}

//export goManagerFleetReport
func goManagerFleetReport(h unsafe.Pointer, out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return tell("llmagg_manager_fleet_report", h, out, err, func(o *managerObject) any {
		if m := fleet.Of(o.m); m != nil {
			return m.Report()
		}
		return nil
	})
}
