package faultwall

import "slices"

// SetScript replaces the whole script, from its first steps on. Answers in
// progress continue with the old script; holds are closed again. The record
// (Seen) is kept. A script that is down kills the wall, as Kill does; another
// one revives it.
func (w *Wall) SetScript(script Script) error {
	if err := script.check(); err != nil {
		return err
	}
	if revive := w.follow(script); revive {
		return w.Revive()
	}
	if script.Down {
		w.Kill()
	}
	return nil
}

// follow puts a script into force and reports whether the wall must be revived.
func (w *Wall) follow(script Script) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.behavior = newBehavior(script, w.behavior)
	w.accepted = 0
	for name, gate := range w.holds {
		if isClosed(gate) {
			delete(w.holds, name)
		}
	}
	return !script.Down && w.listener == nil && !w.closed
}

// Script replaces the steps of one model: the next request uses the first of
// them, and the last one repeats. No steps: healthy answers. It panics on a
// step that ParseScript would refuse.
func (w *Wall) Script(model string, steps ...Step) {
	if err := w.SetPlan(model, Plan{Steps: steps}); err != nil {
		panic(err)
	}
}

// SetPlan replaces the plan of one model.
func (w *Wall) SetPlan(model string, plan Plan) error {
	return w.set("models."+model, plan, func(b *behavior, c *cursor) { b.models[model] = c })
}

// SetHealth replaces the plan of the health check.
func (w *Wall) SetHealth(plan Plan) error {
	return w.set("health", plan, func(b *behavior, c *cursor) { b.health = c })
}

func (w *Wall) set(path string, plan Plan, at func(*behavior, *cursor)) error {
	if err := plan.check(path); err != nil {
		return err
	}
	plan.Steps = slices.Clone(plan.Steps)
	w.mu.Lock()
	defer w.mu.Unlock()
	at(w.behavior, &cursor{plan: plan})
	return nil
}

// Release releases every answer that waits, or will wait, at a Hold of this
// name.
func (w *Wall) Release(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	gate := w.gateLocked(name)
	if !isClosed(gate) {
		close(gate)
	}
}

func (w *Wall) gate(name string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.gateLocked(name)
}

func (w *Wall) gateLocked(name string) chan struct{} {
	gate, ok := w.holds[name]
	if !ok {
		gate = make(chan struct{})
		w.holds[name] = gate
	}
	return gate
}

func isClosed(gate <-chan struct{}) bool {
	select {
	case <-gate:
		return true
	default:
		return false
	}
}
