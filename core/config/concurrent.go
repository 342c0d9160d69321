package config

import (
	"github.com/llmagg/llmagg/core/internal/setting"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
)

// setMaxConcurrent reads "max_concurrent_calls": an integer, "auto", or an
// object with bounds.
func (c *Model) setMaxConcurrent(at *place, v []byte) error {
	switch {
	case string(v) == `"auto"`:
		c.MaxConcurrentCalls, c.Adaptive = 0, Auto
		return nil
	case v[0] == '{':
		return c.setBounds(at, v)
	case v[0] == '"':
		return at.fail("%q is %s; expected an integer, at least 1, or \"auto\"", at.key, shown.Value(v))
	}
	n, err := setting.Integer(at.key, v, 1)
	c.MaxConcurrentCalls, c.Adaptive = n, Adaptive{}
	return at.wrap(err)
}

// mostAdaptive is the largest bound: all of the slots are there from the start.
const mostAdaptive = 1 << 20

func (c *Model) setBounds(at *place, v []byte) error {
	fields, err := objectFields(v)
	if err != nil {
		return at.fail("%q %v", at.key, err)
	}
	a := Adaptive{Min: Auto.Min}
	bounds := map[string]*int{"min": &a.Min, "max": &a.Max, "start": &a.Start}
	for _, f := range fields {
		bound, known := bounds[f.Key]
		if !known {
			return at.unknown("unknown key "+shown.Name(f.Key)+" in \"max_concurrent_calls\"", f.Key, []string{"min", "max", "start"})
		}
		if *bound, err = setting.Integer("max_concurrent_calls."+f.Key, v[f.Start:f.End], 1); err != nil {
			return at.wrap(err)
		}
		if *bound > mostAdaptive {
			return at.fail("\"max_concurrent_calls.%s\" is %d; expected at most %d", f.Key, *bound, mostAdaptive)
		}
	}
	c.MaxConcurrentCalls, c.Adaptive = 0, a
	return nil
}

// checkAdaptive refuses bounds in the wrong order; those that are zero have
// their defaults.
func (c Model) checkAdaptive(where string) error {
	a := c.WithDefaults().Adaptive
	if a.Min < 0 || a.Start < a.Min || a.Max < a.Start {
		return llm.Errorf(llm.InvalidArgument, "%s: max_concurrent_calls has min %d, start %d and max %d; expected 1 <= min <= start <= max", where, a.Min, a.Start, a.Max)
	}
	return nil
}
