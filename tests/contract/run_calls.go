package contract

import (
	"fmt"
	"strconv"
	"time"
)

// do hands a command to the door.
func (r *run) do(c Command) *flight {
	c.ID = numbers.Add(1)
	f := newFlight(c.ID, c.Verb == "stream")
	if c.Verb == "embed" {
		f.texts = textsOf(decode(c.First))
	}
	r.door.Do(c, f.hear)
	return f
}

// await waits for a command's end and gives its outcome.
func (r *run) await(f *flight, what string) map[string]any {
	select {
	case <-f.done:
		return f.outcome()
	case <-time.After(patience):
		r.fail("%s did not end within %v", what, patience)
		return map[string]any{"code": "(did not end)"}
	}
}

// call makes the step's calls and judges them, unless they are named for later.
func (r *run) call(s *Step, where string) {
	if s.As != "" {
		f := r.submit(s, 1)
		r.named[s.As] = f
		return
	}
	if s.Until {
		r.callUntil(s, where)
		return
	}
	count, atOnce := max(s.Count, 1), s.Concurrency
	if atOnce == 0 {
		atOnce = count
	}
	places := make(chan struct{}, atOnce)
	flights := make([]*flight, count)
	for i := range flights {
		select {
		case places <- struct{}{}:
		case <-time.After(patience): // a call that never ends keeps its place
			r.fail("%s: none of %d calls ended within %v", where, atOnce, patience)
			return
		}
		if i > 0 && s.StaggerS > 0 {
			time.Sleep(time.Duration(s.StaggerS * float64(time.Second))) // the case says so
		}
		f := r.submit(s, i+1)
		flights[i] = f
		go func() {
			<-f.done
			<-places
		}()
	}
	tally := map[string]any{}
	for i, f := range flights {
		name := where
		if count > 1 {
			name = fmt.Sprintf("%s (call %d of %d)", where, i+1, count)
		}
		o := r.judge(f, s.Expect, name)
		r.numbered(s.Call, o, name)
		code := fmt.Sprint(o["code"])
		n, _ := tally[code].(float64)
		tally[code] = n + 1
	}
	if s.Tally != nil {
		r.failAll(where, match("tally", decode(s.Tally), tally))
	}
}

// callUntil calls again and again until the call comes to what is expected:
// what another process causes is told by nothing else.
func (r *run) callUntil(s *Step, where string) {
	late := time.After(patience / 2)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		failures := r.places.matchAll("", s.Expect, r.await(r.submit(s, 1), where))
		if failures == nil {
			return
		}
		select {
		case <-again.C:
		case <-late:
			r.failAll(where+" called in vain", failures)
			return
		}
	}
}

func (r *run) submit(s *Step, n int) *flight {
	c := Command{Verb: s.Call, Session: r.session, Args: map[string]string{}}
	if s.Call == "chat" || s.Call == "stream" || s.Call == "embed" || s.Call == "rerank" {
		c.First, c.Second = s.request(r.places, n), r.places.fill(s.CallOptions)
	}
	if s.Call == "budget" {
		c.First = s.Request
	}
	if s.Route != "" {
		c.Args["route"] = s.Route
	}
	if s.What != "" {
		c.Args["what"] = s.What
	}
	if s.RequestText != nil {
		c.Args["raw"] = "1"
	}
	if s.Blocking {
		c.Args["blocking"] = "1"
	}
	if s.LeaveAfter > 0 {
		c.Args["leave_after"] = itoa(s.LeaveAfter)
	}
	if s.PauseAfter > 0 {
		c.Args["pause_after"], c.Args["pause_s"] = itoa(s.PauseAfter), strconv.FormatFloat(s.PauseS, 'f', -1, 64)
		if r.door.Name() == "c" { // in C a reader that pauses is one that gives no credit
			c.Second = withOption(c.Second, "window", s.PauseAfter)
		}
	}
	return r.do(c)
}

func withOption(options []byte, name string, value any) []byte {
	all := map[string]any{}
	if document, ok := decode(options).(map[string]any); ok {
		all = document
	}
	all[name] = value
	return mustJSON(all)
}

// judge waits for a call and compares what it came to with what was expected.
func (r *run) judge(f *flight, expect *Expectation, where string) map[string]any {
	o := r.await(f, where)
	if o["code"] == "(did not end)" {
		return o
	}
	failures := f.sound(r.door.Name(), o)
	if expect != nil {
		failures = append(failures, r.places.matchAll("", expect, o)...)
	}
	if len(failures) > 0 && o["error"] != nil {
		failures[len(failures)-1] += "\n    error: " + short(o["error"])
	}
	r.failAll(where, failures)
	return o
}
