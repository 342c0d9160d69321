package contract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	// calls are the numbers of the calls since "observe"; nil while nobody
	// observes.
	calls  map[float64]string
	mark   float64   // the wall's time when a call was last cancelled or left, or the session closed
	clock  time.Time // when the last step with a clock began
	result *Result
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
	for name, value := range c.Environment {
		r.simple(Command{Verb: "setenv", Args: map[string]string{"name": name, "value": string(r.places.fill([]byte(value)))}}, "environment")
		defer r.simple(Command{Verb: "setenv", Args: map[string]string{"name": name}}, "environment")
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
	prices, err := filepath.Abs("prices.testdata")
	if err != nil {
		return err
	}
	r.places["prices"] = prices
	r.places["store"] = os.Getenv("LLMAGG_CONTRACT_STORE")
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

func (r *run) failAll(where string, failures []string) {
	for _, f := range failures {
		r.fail("%s: %s", where, f)
	}
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
