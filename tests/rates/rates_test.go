// Package rates holds the limits of routes against the fault wall's real token
// buckets, in one process and in eight: how much of a quota is used, and how
// many requests are refused. The time is real; LLMAGG_RATES=long runs what
// make test has no time for.
package rates

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// load is what the callers of one process do.
type load struct {
	URL      string
	Callers  int
	For      time.Duration
	Rate     config.Rate
	Adaptive config.Adaptive
	Estimate float64 // of the prompt: times what it costs
	Most     int     // max_tokens of each request; 0: none
}

const prompt = 200 // tokens of each prompt, as the wall counts

// run calls until the time is over.
func (l load) run() error {
	slots := l.Callers
	if l.Adaptive != (config.Adaptive{}) {
		slots = 0
	}
	c, err := client.New(config.Model{Provider: "openai", Name: "m", APIKey: "k", BaseURL: l.URL, MaxConcurrentCalls: slots, Adaptive: l.Adaptive, Rate: l.Rate}, client.Options{})
	if err != nil {
		return err
	}
	defer c.Close(context.Background())
	ctx, stop := context.WithTimeout(context.Background(), l.For)
	defer stop()
	r := &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: strings.Repeat("word ", int(prompt*3.5*l.Estimate/5))}}}
	if l.Most > 0 {
		r.MaxTokens = &l.Most
	}
	var all sync.WaitGroup
	for range l.Callers {
		all.Go(func() {
			for ctx.Err() == nil {
				if _, err := c.Chat(ctx, r); err != nil {
					time.Sleep(10 * time.Millisecond) // else a caller whose routes all wait would only spin
				}
			}
		})
	}
	all.Wait()
	return nil
}

// TestMain runs a load where another process of this test asks for one.
func TestMain(m *testing.M) {
	text := os.Getenv("LLMAGG_RATES_LOAD")
	if text == "" {
		os.Exit(m.Run())
	}
	var l load
	err := json.Unmarshal([]byte(text), &l)
	if err == nil {
		err = l.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// inProcesses runs the load in so many processes at once.
func (l load) inProcesses(t *testing.T, n int) {
	if n == 1 {
		require.NoError(t, l.run())
		return
	}
	text, err := json.Marshal(l)
	require.NoError(t, err)
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			child := exec.Command(os.Args[0])
			child.Env = append(os.Environ(), "LLMAGG_RATES_LOAD="+string(text))
			out, err := child.CombinedOutput()
			if err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	all.Wait()
}

const tpm = 600_000

// lengths are tokens of answers, by step; the mean is 220.
var lengths = []int{20, 500, 100, 260, 60, 420, 180, 220}

// script is a wall with a quota whose bucket is a second's worth full.
func script(limit, burst float64, more string, headers map[string]string) faultwall.Script {
	var steps bytes.Buffer
	said, _ := json.Marshal(headers)
	for _, n := range lengths {
		fmt.Fprintf(&steps, `{"usage": {"prompt_tokens": %d, "completion_tokens": %d, "total_tokens": %d}, "delay_headers_s": %v, "headers": %s},`,
			prompt, n, prompt+n, 0.1+float64(n%70)/50, said)
	}
	return faultwall.MustScript(fmt.Sprintf(`{"models": {"m": {"steps": [%s], "after": "loop", "quota": {"tpm": %v, "burst_s": %v %s}}}}`,
		strings.TrimSuffix(steps.String(), ","), limit, burst, more))
}

// counted is what the wall counted: tokens that it gave after the first
// seconds, the share of all requests that it refused, and how many of these
// were early.
func (p *proof) counted(seen faultwall.Seen, from, to float64) (tokens int, refused float64, requests, early int) {
	nope := 0
	for _, r := range seen.Requests {
		switch {
		case r.Status == 429:
			nope++
			if r.Start < from {
				early++
			}
		case r.Step < 0 || r.Start < from || r.Start >= to:
		case p.counts:
			tokens += r.BodyBytes/4 + p.Most
		default:
			tokens += prompt + lengths[r.Step]
		}
	}
	return tokens, float64(nope) / float64(max(len(seen.Requests), 1)), len(seen.Requests), early
}

type proof struct {
	processes int
	load
	burst   float64
	headers map[string]string // of each answer, beside the wall's own
	full    bool              // the wall's bucket at the start: sizes are learned from answers
	told    bool              // the wall tells its limits
	counts  bool              // max_tokens, when it lets a request in
	warm    time.Duration     // not counted
	halve   bool              // the limit, in the middle
	least   float64           // share of the quota
	refused float64           // share of the requests, at most
	long    bool
}

var told = config.Rate{TPM: tpm, Burst: time.Second}

var proofs = map[string]proof{
	"configured":                    {processes: 1, load: load{Rate: told, Estimate: 1}, burst: 2, least: 0.95, refused: 0.01},
	"configured, too low":           {processes: 1, load: load{Rate: told, Estimate: 0.2}, burst: 3, full: true, least: 0.95, refused: 0.01},
	"configured, too high":          {processes: 1, load: load{Rate: told, Estimate: 5}, burst: 2, least: 0.95, refused: 0.01},
	"configured, liars":             {processes: 1, load: load{Rate: told, Estimate: 1}, burst: 2, headers: liar, least: 0.95, refused: 0.01},
	"configured, garbage":           {processes: 1, load: load{Rate: told, Estimate: 1}, burst: 2, headers: garbage, least: 0.95, refused: 0.01},
	"shares of eight":               {processes: 8, load: load{Rate: config.Rate{TPM: tpm / 8, Burst: time.Second}, Estimate: 1}, burst: 3, least: 0.95, refused: 0.01},
	"learned":                       {processes: 1, load: load{Estimate: 1}, burst: 60, told: true, least: 0.95, refused: 0.01},
	"learned, too high":             {processes: 1, load: load{Estimate: 5}, burst: 60, told: true, least: 0.95, refused: 0.01, long: true},
	"learned, too low":              {processes: 1, load: load{Estimate: 0.2}, burst: 60, told: true, least: 0.95, refused: 0.01, long: true},
	"learned, halved":               {processes: 1, load: load{Estimate: 1}, burst: 60, told: true, halve: true, least: 0.95, refused: 0.01, long: true},
	"learned, eight of them":        {processes: 8, load: load{Estimate: 1}, burst: 60, told: true, least: 0.95, refused: 0.01, long: true},
	"learned, eight of them, auto":  {processes: 8, load: load{Adaptive: config.Auto, Estimate: 1}, burst: 60, told: true, least: 0.95, refused: 0.01, long: true},
	"max_tokens count":              {processes: 1, counts: true, load: load{Estimate: 1, Most: 1000}, burst: 60, told: true, least: 0.95, refused: 0.01},
	"max_tokens count, configured":  {processes: 1, counts: true, load: load{Rate: told, Estimate: 1, Most: 1000}, burst: 60, told: true, least: 0.95, refused: 0.01, long: true},
	"max_tokens count, auto":        {processes: 1, counts: true, load: load{Adaptive: config.Auto, Estimate: 1, Most: 1000}, burst: 60, told: true, least: 0.95, refused: 0.01, long: true},
	"max_tokens count, eight":       {processes: 8, counts: true, load: load{Estimate: 1, Most: 1000}, burst: 60, told: true, least: 0.95, refused: 0.01, long: true},
	"max_tokens count, eight, auto": {processes: 8, counts: true, load: load{Adaptive: config.Auto, Estimate: 1, Most: 1000}, burst: 60, told: true, least: 0.95, refused: 0.01, long: true},
	"max_tokens do not count":       {processes: 1, load: load{Estimate: 1, Most: 4000}, burst: 60, told: true, least: 0.95, refused: 0.01, long: true},
	"neither told nor known, auto":  {processes: 1, load: load{Adaptive: config.Auto, Estimate: 1}, burst: 60, least: 0.95, refused: 0.01, long: true},
	"neither, eight of them, auto":  {processes: 8, load: load{Adaptive: config.Auto, Estimate: 1, For: 3 * time.Minute}, burst: 60, least: 0.95, refused: 0.01, long: true}, // each begins with one or two refusals: half a per cent of two minutes
}

var (
	liar    = map[string]string{"x-ratelimit-limit-tokens": "1000", "x-ratelimit-remaining-tokens": "900000", "x-ratelimit-reset-tokens": "0s"}
	garbage = map[string]string{"x-ratelimit-limit-tokens": "many", "x-ratelimit-remaining-tokens": "-3", "x-ratelimit-reset-tokens": "NaN", "anthropic-ratelimit-tokens-limit": "", "ratelimit": ";;=,"}
)

func TestTheQuotaIsUsed(t *testing.T) {
	long := os.Getenv("LLMAGG_RATES") == "long"
	for name, p := range proofs {
		t.Run(name, func(t *testing.T) {
			if p.long && !long {
				t.Skip("takes minutes: make rates")
			}
			t.Parallel()
			p.load.For, p.warm = max(p.load.For, 2*time.Minute), 10*time.Second
			if p.counts { // a refusal in the first seconds counts as use by others, for a minute
				p.warm = time.Minute
			}
			if !long { // a few answers more or less are some per cent
				p.load.For, p.warm = 8*time.Second, 3*time.Second
				p.least, p.refused = p.least-0.05, p.refused+0.01
				if p.processes > 1 {
					p.least -= 0.05
				}
			}
			p.run(t)
		})
	}
}

func (p proof) run(t *testing.T) {
	full := 1 / p.burst // a second's worth
	if p.full {
		full = 1
	}
	if p.burst > 10 {
		full = 0.1
	}
	if p.counts { // else the first requests are refused, before any answer has told anything
		full = 0.5
	}
	admission := faultwall.AdmitUsage
	if p.counts {
		admission = faultwall.AdmitMaxTokens
	}
	more := fmt.Sprintf(`, "headers": %v, "level": %v, "admission": %q`, p.told, full, admission)
	wall, err := faultwall.Start(script(tpm, p.burst, more, p.headers), faultwall.Options{MaxRequests: 100_000})
	require.NoError(t, err)
	defer wall.Close()
	p.load.URL, p.load.Callers = wall.BaseURL(), 64/p.processes
	from := wall.Seen().UptimeS + p.warm.Seconds()
	to := wall.Seen().UptimeS + p.load.For.Seconds()
	quota := tpm / 60 * (to - from)
	if p.halve {
		timer := time.AfterFunc(p.load.For/2, func() {
			_ = wall.SetScript(script(tpm/2, p.burst, fmt.Sprintf(`, "headers": %v`, p.told), p.headers))
		})
		defer timer.Stop()
		quota -= tpm / 120 * p.load.For.Seconds() / 2
	}
	p.load.inProcesses(t, p.processes)
	tokens, refused, requests, early := p.counted(wall.Seen(), from, to)
	t.Logf("%.1f %% of the quota used, %.2f %% of %d requests refused, %d requests in the first seconds", float64(tokens)/quota*100, refused*100, requests, early)
	require.GreaterOrEqual(t, float64(tokens)/quota, p.least)
	require.LessOrEqual(t, refused, p.refused)
	late := refused - float64(early)/float64(max(requests, 1))
	if !p.long || p.processes > 1 || p.counts {
		require.LessOrEqual(t, late, 0.01)
	}
}
