package contract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/llmagg/llmagg/core/faultwall"
)

// patience is how long the judge waits for anything before it calls it a
// failure.
const patience = 40 * time.Second

// tries is how often a case is run that fails and was too late each time.
const tries = 3

// Result is what a case came to in one door.
type Result struct {
	Case *Case
	Door string
	// Without says why the case cannot occur in this door; it was not run then.
	Without string
	// Partly names the steps that the door left out, with the reasons.
	Partly []string
	// Failures are empty if everything was as expected.
	Failures []string
	// Late names a step that was over too late (Step.BeforeS) for the case to
	// prove anything.
	Late     string
	Duration time.Duration
}

// run is one case on its way through one door.
type run struct {
	c      *Case
	door   Door
	wall   *faultwall.Wall
	other  *faultwall.Wall // nil unless the case has a script for it
	places places
	// session is the number of the case's session in the door; 0: none is open.
	session uint64
	named   map[string]*flight
	mark    float64   // the wall's time when a call was last cancelled or left, or the session closed
	clock   time.Time // when the last step with a clock began
	result  *Result
}

// numbers are those of commands and sessions, over all doors.
var numbers atomic.Uint64

// Run takes a case through a door. folder is for files that the case needs. A
// case that fails, and in which a step was too late, is run again: what it
// expects is not promised then.
func Run(c *Case, door Door, folder string) (result *Result) {
	for range tries {
		if result = runOnce(c, door, folder); result.Late == "" || len(result.Failures) == 0 {
			return result
		}
	}
	result.Failures = append(result.Failures, fmt.Sprintf("too late in each of %d runs: %s", tries, result.Late))
	return result
}

func runOnce(c *Case, door Door, folder string) *Result {
	result := &Result{Case: c, Door: door.Name()}
	if result.Without = c.Without[door.Name()]; result.Without != "" {
		return result
	}
	begun := time.Now()
	r := &run{c: c, door: door, named: map[string]*flight{}, result: result}
	if err := r.start(folder); err != nil {
		r.fail("%v", err)
		return result
	}
	defer r.wall.Close()
	if r.other != nil {
		defer r.other.Close()
	}
	opened := r.open()
	if opened {
		for i := range c.Steps {
			if !r.step(&c.Steps[i], "steps["+itoa(i)+"]") {
				break
			}
		}
	}
	r.finish(opened)
	result.Duration = time.Since(begun)
	return result
}

func (r *run) fail(format string, args ...any) {
	r.result.Failures = append(r.result.Failures, fmt.Sprintf(format, args...))
}

// start starts the walls and learns their addresses.
func (r *run) start(folder string) error {
	r.places = places{"key": Key}
	var err error
	if r.c.OtherScript != nil {
		if r.other, err = startWall(r.places.fill(r.c.OtherScript)); err != nil {
			return err
		}
		r.places["other_url"], r.places["other_base_url"] = r.other.URL(), r.other.BaseURL()
	}
	if r.wall, err = startWall(r.places.fill(r.c.Script)); err != nil {
		return err
	}
	r.places["url"], r.places["base_url"], r.places["gemini_url"] = r.wall.URL(), r.wall.BaseURL(), r.wall.GeminiURL()
	r.places["host"], r.places["port"], _ = strings.Cut(r.wall.Addr(), ":")
	if pem := r.wall.CACertPEM(); pem != nil {
		path := filepath.Join(folder, fmt.Sprintf("%s-%s.pem", r.c.Name, r.door.Name()))
		if err := os.WriteFile(path, pem, 0o600); err != nil {
			return err
		}
		r.places["ca_file"] = path
	}
	return nil
}

func startWall(script []byte) (*faultwall.Wall, error) {
	s, err := faultwall.ParseScript(script)
	if err != nil {
		return nil, err
	}
	return faultwall.Start(s, faultwall.Options{})
}

// open opens the case's session, unless the case has no routes.
func (r *run) open() bool {
	if r.c.Routes == nil && r.c.Config == nil && r.c.Custom == nil {
		return true
	}
	r.session = numbers.Add(1)
	for i := range r.c.Custom {
		custom := &r.c.Custom[i]
		provider, _, _ := strings.Cut(custom.Route, "/")
		f := r.do(Command{Verb: "provide", Session: r.session, First: custom.config(r.c),
			Args: map[string]string{"provider": provider, "does": strings.Join(custom.Does, ",")}})
		if o := r.await(f, "provide"); o["code"] != "OK" {
			r.fail("the custom provider %s cannot be made: %s", provider, short(o["error"]))
		}
	}
	f := r.do(Command{Verb: "open", Session: r.session, First: r.places.fill(r.c.config()), Second: r.places.fill(r.c.Options)})
	o := r.await(f, "open")
	if o["code"] != "OK" {
		r.fail("the session does not open: %s", short(o["error"]))
		r.session = 0
		return false
	}
	return true
}

// do hands a command to the door.
func (r *run) do(c Command) *flight {
	c.ID = numbers.Add(1)
	f := newFlight(c.ID, c.Verb == "stream")
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
		time.Sleep(time.Duration(s.SleepS * float64(time.Second)))
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

func (r *run) failAll(where string, failures []string) {
	for _, f := range failures {
		r.fail("%s: %s", where, f)
	}
}

// call makes the step's calls and judges them, unless they are named for later.
func (r *run) call(s *Step, where string) {
	if s.As != "" {
		f := r.submit(s, 1)
		r.named[s.As] = f
		return
	}
	count, atOnce := max(s.Count, 1), s.Concurrency
	if atOnce == 0 {
		atOnce = count
	}
	places := make(chan struct{}, atOnce)
	flights := make([]*flight, count)
	for i := range flights {
		places <- struct{}{}
		if i > 0 && s.StaggerS > 0 {
			time.Sleep(time.Duration(s.StaggerS * float64(time.Second)))
		}
		f := r.submit(s, i+1)
		flights[i] = f
		go func() {
			<-f.done
			<-places
		}()
		// A call that never ends would keep its place for ever.
		if len(places) == cap(places) && i+1 < count && !r.roomWithin(places, patience) {
			r.fail("%s: none of %d calls ended within %v", where, atOnce, patience)
			return
		}
	}
	tally := map[string]any{}
	for i, f := range flights {
		name := where
		if count > 1 {
			name = fmt.Sprintf("%s (call %d of %d)", where, i+1, count)
		}
		o := r.judge(f, s.Expect, name)
		code := fmt.Sprint(o["code"])
		n, _ := tally[code].(float64)
		tally[code] = n + 1
	}
	if s.Tally != nil {
		r.failAll(where, match("tally", decode(s.Tally), tally))
	}
}

func (r *run) roomWithin(places chan struct{}, d time.Duration) bool {
	for begun := time.Now(); time.Since(begun) < d; time.Sleep(500 * time.Microsecond) {
		if len(places) < cap(places) {
			return true
		}
	}
	return false
}

func (r *run) submit(s *Step, n int) *flight {
	c := Command{Verb: s.Call, Session: r.session, Args: map[string]string{}}
	if s.Call == "chat" || s.Call == "stream" {
		c.First, c.Second = s.request(r.places, n), r.places.fill(s.CallOptions)
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

// finish closes the session and looks at what the walls saw in the end.
func (r *run) finish(opened bool) {
	if r.session != 0 {
		mark := r.mark
		r.close("close")
		if mark != 0 {
			r.mark = mark
		}
	}
	ctx, stop := context.WithTimeout(context.Background(), 3*time.Second)
	defer stop()
	var other *faultwall.Seen
	if r.other != nil {
		seen := r.other.Seen()
		other = &seen
	}
	var failures []string
	err := r.wall.Wait(ctx, func(seen faultwall.Seen) bool {
		failures = soundWall(&seen, other)
		return failures == nil
	})
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		failures = append(failures, err.Error())
	}
	r.failAll("at the end", failures)
	if r.c.Seen != nil && opened {
		r.failAll("at the end", r.places.matchAll("seen.", r.c.Seen, r.seenDocument(r.wall.Seen())))
	}
	if len(r.result.Failures) > 0 && os.Getenv("LLMAGG_CONTRACT_VERBOSE") != "" {
		seen, err := json.MarshalIndent(r.wall.Seen(), "", " ")
		if err == nil {
			r.fail("the wall saw: %s", seen)
		}
	}
}
