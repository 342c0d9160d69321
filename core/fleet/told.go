package fleet

import (
	"time"

	"github.com/llmagg/llmagg/core/breaker"
)

// Told is something that another process told of a route, and that holds now.
type Told struct {
	Route   string        `json:"route"` // as the fleet knows it
	Names   []string      `json:"names"` // in this process; none where it has no such route
	What    breaker.What  `json:"what"`
	For     time.Duration `json:"for_ns"`  // from now on
	Process string        `json:"process"` // for a wait or a block the last that told of either
}

// toldOfRoutes is what holds now of what others told, in no order. The caller
// holds mu.
func (m *Member) toldOfRoutes(now time.Time) []Told {
	all := []Told{}
	for id, v := range m.verdicts {
		names := []string{}
		if r := m.routes[id]; r != nil {
			for _, c := range r.clients {
				names = append(names, c.Provider()+"/"+c.Name())
			}
		}
		add := func(what breaker.What, until time.Time, process string) {
			if left := until.Sub(now); left > 0 {
				all = append(all, Told{id, names, what, left, process})
			}
		}
		for process, until := range v.opened {
			add(breaker.RouteOpened, until, process)
		}
		add(breaker.RouteWaits, v.wait, v.by)
		add(breaker.RouteBlocked, v.block, v.by)
	}
	return all
}
