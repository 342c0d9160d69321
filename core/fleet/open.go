package fleet

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
)

// Opener gives what connects the store of a configuration; the error is
// INVALID_ARGUMENT.
type Opener func(config.Fleet) (func(context.Context) (Store, error), error)

// joiner is what Register leaves. Nothing else leads to joinConfigured: a build
// without a store links no member.
type joiner struct {
	open Opener
	join func(*manager.Manager, *config.Fleet, Options) error
}

var registered atomic.Pointer[joiner]

// Register makes f the opener of the stores that configurations name.
// core/fleet/valkey calls it where it is imported.
func Register(f Opener) { registered.Store(&joiner{f, joinConfigured}) }

// Check checks a configuration's fleet without joining it. The error is
// INVALID_ARGUMENT.
func Check(c *config.Fleet) error {
	if c == nil {
		return nil
	}
	_, err := optionsOf(c, nil)
	return err
}

func optionsOf(c *config.Fleet, l *slog.Logger) (Options, error) {
	r := registered.Load()
	if r == nil {
		return Options{}, llm.Errorf(llm.InvalidArgument, "the configuration has \"fleet\", and this build has no store for it; "+
			"in Go import github.com/llmagg/llmagg/core/fleet/valkey, build the C library by 'make lib FLEET=1'; wheels have it")
	}
	open, err := r.open(*c)
	if err != nil {
		return Options{}, err
	}
	o := Options{Name: c.Name, Agree: c.Agree, Processes: c.Processes, Share: c.Share, Open: open, Logger: l}
	return o, o.Check()
}

// JoinConfigured joins the fleet of a configuration, nil: none. A manager that
// is a member of the same fleet by the same configuration stays so. The error
// is INVALID_ARGUMENT or CLOSED.
func JoinConfigured(m *manager.Manager, c *config.Fleet, l *slog.Logger) error {
	if c == nil {
		return nil
	}
	if now := Of(m); now != nil && now.configured != nil && now.configured.Equal(c) {
		return nil
	}
	o, err := optionsOf(c, l)
	if err != nil {
		return err
	}
	return registered.Load().join(m, c, o)
}

func joinConfigured(m *manager.Manager, c *config.Fleet, o Options) error {
	copied := *c
	_, err := join(context.Background(), m, o, &copied)
	return err
}
