package rate

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// told is what the headers of one answer say of one limit.
type told struct {
	limit, remaining float64 // -1: nothing
	reset            time.Duration
	resets           bool          // reset was told
	slack            time.Duration // how far reset may be wrong: it was rounded
	window           time.Duration // of the limit; 0: not told
}

var silent = told{limit: -1, remaining: -1}

// read gives what an answer's headers say of requests and tokens; false if they
// say nothing, which most answers' do.
func read(h http.Header) (said [2]told, any bool) {
	switch {
	case h["X-Ratelimit-Remaining-Tokens"] != nil || h["X-Ratelimit-Remaining-Requests"] != nil:
		return [2]told{readOpenAI(h, &openAI[requests]), readOpenAI(h, &openAI[tokens])}, true
	case h["Anthropic-Ratelimit-Requests-Remaining"] != nil:
		return [2]told{readAnthropic(h, &anthropic[requests]), readAnthropic(h, &anthropic[tokens])}, true
	case h["Ratelimit"] != nil || h["Ratelimit-Remaining"] != nil:
		return [2]told{readIETF(h), silent}, true
	}
	for of := range said {
		said[of] = silent
		for _, f := range windows[of] {
			if h[f.remaining] != nil || h[f.limit] != nil {
				t := readOpenAI(h, &f.family)
				t.window = f.window
				said[of].beside(t)
				any = true
			}
		}
	}
	return said, any
}

// beside adds another limit of the same thing: of two the spent one counts, for
// its reset is what to wait for, else the one of about a minute, else the
// first.
func (t *told) beside(other told) {
	if *t == silent || other.spent() && (!t.spent() || other.reset > t.reset) || !t.spent() && !t.short() && other.short() {
		*t = other
	}
}

// spent tells whether nothing remains.
func (t *told) spent() bool { return t.limit != 0 && t.remaining >= 0 && t.remaining < 1 }

// family is the names of three headers, as http.Header keeps them: its Get
// would make that form anew for each.
type family struct{ limit, remaining, reset string }

var (
	openAI = [2]family{{"X-Ratelimit-Limit-Requests", "X-Ratelimit-Remaining-Requests", "X-Ratelimit-Reset-Requests"},
		{"X-Ratelimit-Limit-Tokens", "X-Ratelimit-Remaining-Tokens", "X-Ratelimit-Reset-Tokens"}}
	anthropic = [2]family{{"Anthropic-Ratelimit-Requests-Limit", "Anthropic-Ratelimit-Requests-Remaining", "Anthropic-Ratelimit-Requests-Reset"},
		{"Anthropic-Ratelimit-Tokens-Limit", "Anthropic-Ratelimit-Tokens-Remaining", "Anthropic-Ratelimit-Tokens-Reset"}}
)

// windows are the families of OpenAI's form that name the window of a limit, as
// Cerebras (inference-docs.cerebras.ai, "Rate Limits") and Mistral send them.
var windows = [2][]struct {
	family
	window time.Duration
}{
	{
		{family{"X-Ratelimit-Limit-Requests-Minute", "X-Ratelimit-Remaining-Requests-Minute", "X-Ratelimit-Reset-Requests-Minute"}, time.Minute},
		{family{"X-Ratelimit-Limit-Req-Minute", "X-Ratelimit-Remaining-Req-Minute", "X-Ratelimit-Reset-Req-Minute"}, time.Minute},
		{family{"X-Ratelimit-Limit-Requests-Day", "X-Ratelimit-Remaining-Requests-Day", "X-Ratelimit-Reset-Requests-Day"}, 24 * time.Hour},
	},
	{
		{family{"X-Ratelimit-Limit-Tokens-Minute", "X-Ratelimit-Remaining-Tokens-Minute", "X-Ratelimit-Reset-Tokens-Minute"}, time.Minute},
		{family{"X-Ratelimit-Limit-Tokens-Day", "X-Ratelimit-Remaining-Tokens-Day", "X-Ratelimit-Reset-Tokens-Day"}, 24 * time.Hour},
		{family{"Ratelimitbysize-Limit", "Ratelimitbysize-Remaining", "Ratelimitbysize-Reset"}, time.Minute}, // Mistral's, before
	},
}

// first is the first value of a header, "" without one.
func first(h http.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// readOpenAI reads x-ratelimit-{limit,remaining,reset}-{requests,tokens} of
// OpenAI, Groq, Azure and others. A reset is a duration, such as 6m0s or 120ms,
// or seconds.
func readOpenAI(h http.Header, of *family) told {
	t := told{limit: number(first(h, of.limit)), remaining: number(first(h, of.remaining))}
	text := strings.TrimSpace(first(h, of.reset))
	if d, ok := duration(text); ok {
		t.reset, t.resets, t.slack = d, true, 50*time.Millisecond
	} else {
		t.seconds(text)
	}
	return t
}

// duration reads 6m0s, 120ms and the like; Go's own reader would be 3 KB of the
// library.
func duration(text string) (d time.Duration, ok bool) {
	for text != "" {
		at := strings.IndexAny(text, "dhms")
		if at < 0 {
			return 0, false
		}
		n := number(text[:at])
		unit, size := time.Second, 1
		switch text[at] {
		case 'd':
			unit = 24 * time.Hour
		case 'h':
			unit = time.Hour
		case 'm':
			if unit = time.Minute; strings.HasPrefix(text[at:], "ms") {
				unit, size = time.Millisecond, 2
			}
		}
		if n < 0 || n*float64(unit) > float64(longest-d) {
			return 0, false
		}
		d += time.Duration(n * float64(unit))
		text = text[at+size:]
		ok = true
	}
	return d, ok
}

// readAnthropic reads anthropic-ratelimit-{requests,tokens}-{limit,remaining,
// reset}; a reset is a time as in RFC 3339, by the server's clock, which the
// answer's Date tells.
func readAnthropic(h http.Header, of *family) told {
	t := told{limit: number(first(h, of.limit)), remaining: number(first(h, of.remaining))}
	at, err := time.Parse(time.RFC3339, strings.TrimSpace(first(h, of.reset)))
	if err != nil {
		return t
	}
	now := time.Now()
	if date, err := http.ParseTime(first(h, "Date")); err == nil && at.Sub(date).Abs() <= 32*24*time.Hour {
		now = date
	}
	if d := at.Sub(now); d <= longest && d > -time.Minute {
		t.reset, t.resets, t.slack = max(d, 0), true, 2*time.Second
	}
	return t
}

// readIETF reads the ratelimit headers of the IETF's drafts, which count
// requests: `ratelimit: "default";r=50;t=30` with `ratelimit-policy:
// "default";q=100;w=60`, each a list with one item for each policy, and the
// older ratelimit-limit, ratelimit-remaining, ratelimit-reset, also as
// `ratelimit: limit=100, remaining=50, reset=5`.
func readIETF(h http.Header) told {
	t := silent
	if text := strings.Join(h["Ratelimit"], ","); text != "" {
		if strings.Contains(text, ";") {
			policies := strings.Join(h["Ratelimit-Policy"], ",")
			for _, item := range strings.SplitN(text, ",", maxItems+1) {
				policy := named(policies, item)
				one := told{limit: number(parameter(policy, "q")), remaining: number(parameter(item, "r"))}
				one.seconds(parameter(item, "t"))
				one.lasts(policy)
				t.beside(one)
			}
			return t
		}
		text = strings.ReplaceAll(text, ",", ";")
		t.limit, t.remaining = number(parameter(text, "limit")), number(parameter(text, "remaining"))
		t.seconds(parameter(text, "reset"))
		t.lasts(h.Get("Ratelimit-Policy"))
		return t
	}
	limit, policy, _ := strings.Cut(h.Get("Ratelimit-Limit"), ",")
	t.limit, t.remaining = number(limit), number(h.Get("Ratelimit-Remaining"))
	t.seconds(h.Get("Ratelimit-Reset"))
	t.lasts(policy + h.Get("Ratelimit-Policy"))
	return t
}

// maxItems is how many items of a header are told apart: each is looked up
// among all policies.
const maxItems = 16

// named is the policy with an item's name, the first if none has it.
func named(policies, item string) (first string) {
	name, _, _ := strings.Cut(strings.TrimSpace(item), ";")
	for policy := range strings.SplitSeq(policies, ",") {
		first = cmp.Or(first, policy)
		if other, _, _ := strings.Cut(strings.TrimSpace(policy), ";"); other == name {
			return policy
		}
	}
	return first
}

// seconds reads a reset in seconds.
func (t *told) seconds(text string) {
	if n := number(text); n >= 0 && n <= longest.Seconds() {
		t.reset, t.resets, t.slack = time.Duration(n*float64(time.Second)), true, time.Second
	}
}

// lasts reads the window of a policy.
func (t *told) lasts(policy string) {
	if n := number(parameter(policy, "w")); n > 0 && n <= longest.Seconds() {
		t.window = time.Duration(n * float64(time.Second))
	}
}

// parameter is the value of a parameter in `"name";key=value;…`, "" without it.
func parameter(item, key string) string {
	for part, rest := "", item; rest != ""; {
		part, rest, _ = strings.Cut(rest, ";")
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if strings.EqualFold(name, key) {
			return value
		}
	}
	return ""
}

// most is the most that a limit can be; more is nonsense.
const most = 1e12

// number reads a number of a header: digits, with a point at most. Anything
// else is -1.
func number(text string) float64 {
	text = strings.TrimSpace(text)
	if whole, ok := digits(text); ok {
		return whole
	}
	if text == "" || strings.Trim(text, "0123456789.") != "" {
		return -1
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n > most {
		return -1
	}
	return n
}

// digits reads a whole number, which most are: BenchmarkLearn takes 0.8 µs
// with it and 1.1 µs without (the least of seven runs each).
func digits(text string) (n float64, ok bool) {
	if text == "" || len(text) > 12 {
		return 0, false
	}
	for i := range len(text) {
		d := text[i] - '0'
		if d > 9 {
			return 0, false
		}
		n = n*10 + float64(d)
	}
	return n, true
}
