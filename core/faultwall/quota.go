package faultwall

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/llmagg/llmagg/core/llm"
)

// Quota is a model's quota: token buckets of requests and of tokens, both
// refilled all the time. What they do not have room for gets a 429 with
// Retry-After and uses no step.
type Quota struct {
	TPM       float64  `json:"tpm,omitempty"`
	RPM       float64  `json:"rpm,omitempty"`
	BurstS    float64  `json:"burst_s,omitempty"`
	Level     *float64 `json:"level,omitempty"`
	Headers   bool     `json:"headers,omitempty"`
	Form      string   `json:"form,omitempty"`
	Admission string   `json:"admission,omitempty"`
}

// Values of Quota.Form.
const (
	FormOpenAI    = "openai"    // x-ratelimit-…, durations as 6m0s and 120ms; Groq's are the same
	FormAnthropic = "anthropic" // anthropic-ratelimit-…, times as in RFC 3339
	FormIETF      = "ietf"      // ratelimit and ratelimit-policy, of the requests only
)

// Values of Quota.Admission.
const (
	AdmitUsage     = "usage"      // the tokens of the usage that the answer has
	AdmitMaxTokens = "max_tokens" // a quarter of the body's bytes, and the request's max_tokens
)

func (q *Quota) check(path string) error {
	if q == nil {
		return nil
	}
	if err := cmp.Or(positive(path+".tpm", q.TPM), positive(path+".rpm", q.RPM), positive(path+".burst_s", q.BurstS),
		oneOf(path+".form", q.Form, "", FormOpenAI, FormAnthropic, FormIETF),
		oneOf(path+".admission", q.Admission, "", AdmitUsage, AdmitMaxTokens)); err != nil {
		return err
	}
	if q.Level != nil && !(*q.Level >= 0 && *q.Level <= 1) {
		return fmt.Errorf("faultwall: %s.level must be from 0 to 1", path)
	}
	return nil
}

// bucket is a token bucket. Wall.mu guards it.
type bucket struct {
	perSecond float64 // 0: no limit
	capacity  float64
	level     float64
	at        time.Time // when level was right
}

func newBucket(perMinute float64, q *Quota, now time.Time) bucket {
	b := bucket{perSecond: perMinute / 60, at: now}
	b.capacity = b.perSecond * cmp.Or(q.BurstS, 60)
	b.level = b.capacity
	if q.Level != nil {
		b.level *= *q.Level
	}
	return b
}

// fill brings the level up to now.
func (b *bucket) fill(now time.Time) {
	b.level = min(b.capacity, b.level+b.perSecond*now.Sub(b.at).Seconds())
	b.at = now
}

// lacks is the time until n are there, 0 if they are. What is larger than the
// bucket never is.
func (b *bucket) lacks(n float64) time.Duration {
	if b.perSecond == 0 || b.level >= n {
		return 0
	}
	return seconds((n - b.level) / b.perSecond)
}

// full is the time until the bucket is full.
func (b *bucket) full() time.Duration { return b.lacks(b.capacity) }

// quota is how much of a plan's Quota is left. Wall.mu guards it.
type quota struct {
	*Quota
	tokens, requests bucket
}

func newQuota(q *Quota, now time.Time) *quota {
	if q == nil {
		return nil
	}
	return &quota{Quota: q, tokens: newBucket(q.TPM, q, now), requests: newBucket(q.RPM, q, now)}
}

// keep takes over how full the buckets of an older quota are: a limit that
// changes fills nobody's bucket.
func (q *quota) keep(old *quota, now time.Time) {
	if q == nil || old == nil || q.Level != nil {
		return
	}
	old.tokens.fill(now)
	old.requests.fill(now)
	q.tokens.level = min(q.tokens.capacity, old.tokens.level)
	q.requests.level = min(q.requests.capacity, old.requests.level)
}

// admit takes what a request needs, or gives the step that refuses it. Both
// kinds of answers get the headers.
func (q *quota) admit(c *call, s *Step, now time.Time) *Step {
	q.tokens.fill(now)
	q.requests.fill(now)
	need := q.need(c, s)
	wait := max(q.tokens.lacks(need), q.requests.lacks(1))
	if wait == 0 {
		q.tokens.level -= need
		q.requests.level--
	}
	c.head = append(c.head, q.headers(c, now)...)
	if wait == 0 {
		return nil
	}
	c.head = append(c.head, [2]string{"Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds())))})
	return &Step{Status: 429}
}

// need is how many tokens a request takes.
func (q *quota) need(c *call, s *Step) float64 {
	if q.TPM == 0 || s.Status >= 400 {
		return 0
	}
	if q.Admission == AdmitMaxTokens {
		var asked struct {
			Max  float64 `json:"max_tokens"`
			Most float64 `json:"max_completion_tokens"`
		}
		_ = llm.JSON.Unmarshal(c.body, &asked)
		return float64(len(c.body))/4 + max(asked.Max, asked.Most)
	}
	var usage struct {
		Total  float64 `json:"total_tokens"`
		Prompt float64 `json:"prompt_tokens"`
		Output float64 `json:"completion_tokens"`
	}
	_ = llm.JSON.Unmarshal(contentOf(c, s).usage, &usage)
	return max(usage.Total, usage.Prompt+usage.Output)
}

// headers are the vendor's, in the form that the quota asks for.
func (q *quota) headers(c *call, now time.Time) [][2]string {
	form := q.Form
	if form == "" && q.Headers {
		form = FormOpenAI
		if _, ok := c.dialect.(anthropic); ok {
			form = FormAnthropic
		}
	}
	now = now.Add(c.ahead)
	var out [][2]string
	for _, b := range []struct {
		*bucket
		of    string
		limit float64
	}{{&q.requests, "requests", q.RPM}, {&q.tokens, "tokens", q.TPM}} {
		if b.limit == 0 {
			continue
		}
		limit, remaining := strconv.Itoa(int(b.limit)), strconv.Itoa(max(int(b.level), 0))
		switch form {
		case FormOpenAI:
			out = append(out, [2]string{"x-ratelimit-limit-" + b.of, limit}, [2]string{"x-ratelimit-remaining-" + b.of, remaining},
				[2]string{"x-ratelimit-reset-" + b.of, b.full().Round(time.Millisecond).String()})
		case FormAnthropic:
			at := "anthropic-ratelimit-" + b.of
			out = append(out, [2]string{at + "-limit", limit}, [2]string{at + "-remaining", remaining},
				[2]string{at + "-reset", now.Add(b.full() + time.Second).UTC().Format(time.RFC3339)})
		case FormIETF:
			if b.of == "requests" {
				out = append(out, [2]string{"ratelimit-policy", `"default";q=` + limit + ";w=60"},
					[2]string{"ratelimit", fmt.Sprintf(`"default";r=%s;t=%d`, remaining, int(math.Ceil(b.full().Seconds())))})
			}
		}
	}
	return out
}
