package faultwall

import (
	"maps"
	"slices"
	"time"
)

// behavior is a script together with how far each of its plans has come.
// Wall.mu guards it.
type behavior struct {
	script   Script
	models   map[string]*cursor
	defaults map[string]*cursor // one for each model that walks the default plan
	health   *cursor
}

// cursor is a place in a plan.
type cursor struct {
	plan Plan
	step int    // index of the next step
	used int    // how often that step was used already
	left *quota // nil: no quota
}

// newBehavior begins a script; old is the one before it, or nil.
func newBehavior(script Script, old *behavior) *behavior {
	b := &behavior{script: script, models: map[string]*cursor{}, defaults: map[string]*cursor{}}
	now := time.Now()
	for name, plan := range script.Models {
		c := &cursor{plan: plan, left: newQuota(plan.Quota, now)}
		if old != nil && old.models[name] != nil {
			c.left.keep(old.models[name].left, now)
		}
		b.models[name] = c
	}
	if script.Health != nil {
		b.health = &cursor{plan: *script.Health}
	}
	return b
}

// next returns the step for a request and its index; -1 and a healthy step if
// the plan has none.
func (c *cursor) next() (*Step, int) {
	steps := c.plan.Steps
	if c.step >= len(steps) {
		switch {
		case len(steps) == 0 || c.plan.After == AfterOK:
			return &Step{}, -1
		case c.plan.After == AfterLoop:
			c.step = 0
		default:
			return &steps[len(steps)-1], len(steps) - 1
		}
	}
	step, index := &steps[c.step], c.step
	c.used++
	if c.used >= step.Times {
		c.step, c.used = c.step+1, 0
	}
	return step, index
}

// plan returns the cursor for a request; nil: no plan.
func (b *behavior) plan(c *call) *cursor {
	switch {
	case c.kind == KindHealth:
		return b.health
	case c.kind != KindChat:
		return nil
	case b.models[c.model] != nil:
		return b.models[c.model]
	case b.script.Default == nil:
		return nil
	}
	if b.defaults[c.model] == nil {
		b.defaults[c.model] = &cursor{plan: *b.script.Default, left: newQuota(b.script.Default.Quota, time.Now())}
	}
	return b.defaults[c.model]
}

// take chooses what happens to a request whose key is key.
func (w *Wall) take(c *call, key string) (*Step, int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := w.behavior
	cursor := b.plan(c)
	required := b.script.RequireKey
	if cursor != nil && cursor.plan.RequireKey != "" {
		required = cursor.plan.RequireKey
	}
	if required != "" && key != required && c.kind != KindOther {
		if _, ok := c.dialect.(gemini); ok {
			return &Step{Status: 400, Body: geminiBadKey()}, -1
		}
		return &Step{Status: 401}, -1
	}
	if c.kind == KindHealth {
		c.known = slices.Sorted(maps.Keys(b.models))
	}
	if cursor == nil {
		return &Step{}, -1
	}
	return cursor.take(c)
}

// take is next within the quota.
func (c *cursor) take(asked *call) (*Step, int) {
	before, used := c.step, c.used
	step, index := c.next()
	if c.left == nil || asked.kind != KindChat {
		return step, index
	}
	if refusal := c.left.admit(asked, step, time.Now()); refusal != nil {
		c.step, c.used = before, used
		return refusal, -1
	}
	return step, index
}
