package contract

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/llmagg/llmagg/core/faultwall"
)

// step performs one step; false ends the case.
func (r *run) step(s *Step, where string) bool {
	if s.Clock {
		r.clock = time.Now()
	}
	if why := s.Without[r.door.Name()]; why != "" {
		r.result.Partly = append(r.result.Partly, where+": "+why)
		return true
	}
	if s.BeforeS > 0 {
		defer r.look(s.BeforeS, where)
	}
	switch s.action() {
	case "call":
		r.call(s, where+" "+s.Call)
	case "open":
		r.openAside(s, where)
	case "join":
		f := r.named[s.Join]
		if f == nil {
			r.fail("%s: no call is named %q", where, s.Join)
			return false
		}
		r.judge(f, s.Expect, where+" join "+s.Join)
	case "cancel":
		f := r.named[s.Cancel]
		if f == nil {
			r.fail("%s: no call is named %q", where, s.Cancel)
			return false
		}
		r.setMark()
		r.simple(Command{Verb: "cancel", Args: map[string]string{"of": strconv.FormatUint(f.id, 10)}}, where)
	case "available":
		on := "0"
		if s.Available.On {
			on = "1"
		}
		r.simple(Command{Verb: "available", Args: map[string]string{"route": s.Available.Route, "on": on}}, where)
	case "close":
		r.close(where)
	default:
		return r.own(s, where)
	}
	return true
}

// look notes a step that is over later than the clock may show.
func (r *run) look(most float64, where string) {
	if took := time.Since(r.clock).Seconds(); took > most {
		r.result.Late = fmt.Sprintf("%s was over after %.3f s; at most %.3f s", where, took, most)
	}
}

// own performs the steps that are no matter of the door.
func (r *run) own(s *Step, where string) bool {
	switch s.action() {
	case "wait":
		return r.waitFor(s.Wait, where)
	case "wait_chunks":
		return r.waitChunks(s.WaitChunks, where)
	case "sleep_s":
		time.Sleep(time.Duration(s.SleepS * float64(time.Second))) // the case says so
	case "release":
		r.wall.Release(s.Release)
	case "script":
		script, err := faultwall.ParseScript(r.places.fill(s.Script))
		if err == nil {
			err = r.wall.SetScript(script)
		}
		if err != nil {
			r.fail("%s: %v", where, err)
			return false
		}
	case "kill":
		r.wall.Kill()
	case "revive":
		if err := r.wall.Revive(); err != nil {
			r.fail("%s: %v", where, err)
			return false
		}
	case "peer":
		if err := chats(r.places.fill(r.c.config()), s.Peer); err != nil {
			r.fail("%s: %v", where, err)
			return false
		}
	case "seen":
		r.failAll(where, r.places.matchAll("seen.", s.Seen, r.seenDocument(r.wall.Seen())))
	}
	return true
}

func (r *run) simple(c Command, where string) {
	c.Session = r.session
	if o := r.await(r.do(c), where); o["code"] != "OK" {
		r.fail("%s: %s failed: %s", where, c.Verb, short(o["error"]))
	}
}

func (r *run) setMark() { r.mark = r.wall.Seen().UptimeS }

// openAside opens a session of its own and closes it again.
func (r *run) openAside(s *Step, where string) {
	session := numbers.Add(1)
	f := r.do(Command{Verb: "open", Session: session, First: r.places.fill(s.Open), Second: r.places.fill(s.CallOptions)})
	if o := r.judge(f, s.Expect, where+" open"); o["code"] == "OK" {
		r.await(r.do(Command{Verb: "close", Session: session}), where+" close")
	}
}

func (r *run) waitFor(pattern *SeenPattern, where string) bool {
	ctx, stop := context.WithTimeout(context.Background(), patience/2)
	defer stop()
	var failures []string
	err := r.wall.Wait(ctx, func(seen faultwall.Seen) bool {
		failures = r.places.matchAll("seen.", pattern, r.seenDocument(seen))
		return failures == nil
	})
	if err != nil {
		r.failAll(where+" waited in vain", failures)
	}
	return err == nil
}

func (r *run) waitChunks(w *ChunkCount, where string) bool {
	f := r.named[w.Of]
	if f == nil {
		r.fail("%s: no call is named %q", where, w.Of)
		return false
	}
	late := time.After(patience / 2)
	for f.chunks() < w.Least {
		select {
		case <-f.changed:
		case <-f.done:
			if f.chunks() < w.Least {
				r.fail("%s: %q ended after %d chunks: %s", where, w.Of, f.chunks(), short(f.outcome()))
				return false
			}
		case <-late:
			r.fail("%s: %q gave only %d chunks", where, w.Of, f.chunks())
			return false
		}
	}
	return true
}

func (r *run) close(where string) {
	r.setMark()
	r.simple(Command{Verb: "close"}, where)
	r.session = 0
}
