package otelllm

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/llm"
)

// told is what a span is told: attributes by the names of one generation.
type told struct {
	generation int
	list       []attribute.KeyValue
}

// name is the name of an attribute, "" where the generation has none.
func (t *told) name(what string) string { return names[what][t.generation] }

// text, number and float add an attribute that the conventions name.
func (t *told) text(what, value string) {
	if name := t.name(what); name != "" && value != "" {
		t.list = append(t.list, attribute.String(name, value))
	}
}

func (t *told) number(what string, n *int) {
	if name := t.name(what); name != "" && n != nil {
		t.list = append(t.list, attribute.Int(name, *n))
	}
}

func (t *told) float(what string, x *float64) {
	if name := t.name(what); name != "" && x != nil {
		t.list = append(t.list, attribute.Float64(name, *x))
	}
}

// add adds attributes that the conventions do not name.
func (t *told) add(more ...attribute.KeyValue) { t.list = append(t.list, more...) }

// seconds adds a duration, unless it is 0.
func (t *told) seconds(name string, d time.Duration) {
	if d > 0 {
		t.add(attribute.Float64(name, d.Seconds()))
	}
}

// asked adds what a request asks for.
func (t *told) asked(r *llm.Request, stream bool) {
	t.number("max_tokens", r.MaxTokens)
	t.number("max_completion_tokens", r.MaxCompletionTokens)
	t.number("n", r.N)
	t.float("temperature", r.Temperature)
	t.float("top_p", r.TopP)
	t.float("presence_penalty", r.PresencePenalty)
	t.float("frequency_penalty", r.FrequencyPenalty)
	t.text("reasoning_effort", r.ReasoningEffort)
	if r.Seed != nil {
		t.add(attribute.Int64(t.name("seed"), *r.Seed))
	}
	if len(r.Stop) > 0 {
		t.add(attribute.StringSlice(t.name("stop"), r.Stop))
	}
	if name := t.name("stream"); stream && name != "" {
		t.add(attribute.Bool(name, true))
	}
}

// route adds which route was asked, and where its server is.
func (t *told) route(a *llm.Attempt) {
	t.add(attribute.String("llmagg.route", a.Route()))
	if a.ServerAddress != "" {
		t.text("server_address", a.ServerAddress)
		t.number("server_port", &a.ServerPort)
	}
}

// last adds what the attempt that answered says of the call; if none did, it is
// the last one, which failed. A hedge that lost may stand behind the answer.
func (t *told) last(trail []llm.Attempt) {
	if len(trail) == 0 {
		return
	}
	a := &trail[len(trail)-1]
	for i := range trail {
		if trail[i].Code == llm.OK {
			a = &trail[i]
		}
	}
	t.text("provider", providerName(a.Provider))
	t.route(a)
	if name := t.name("first_chunk"); a.Code == llm.OK && name != "" {
		t.seconds(name, a.FirstToken)
	}
}

// usage adds the counts of a usage that are known.
func (t *told) usage(u *llm.Usage) {
	n := u.Tokens()
	t.number("input_tokens", n.Input)
	t.number("output_tokens", n.Output)
	t.number("cached_tokens", n.Cached)
	t.number("cache_write_tokens", n.Written)
	t.number("reasoning_tokens", n.Reasoning)
}

func (t *told) cost(c *llm.Cost) {
	if c != nil {
		t.add(attribute.Float64("llmagg.cost.amount", c.Amount), attribute.String("llmagg.cost.currency", c.Currency), attribute.String("llmagg.cost.source", c.Source))
	}
}

func (t *told) failure(code llm.Code, owner string) {
	t.add(attribute.String("error.type", code.String()), attribute.String("llmagg.error.owner", owner))
}

// answered ends the span of a chat by its answer.
func (a *Aggregator) answered(ctx context.Context, span trace.Span, r *llm.Response) {
	t := told{generation: a.generation}
	t.text("response_id", r.ID)
	if len(r.Choices) > 0 {
		reasons := make([]string, len(r.Choices))
		for i := range r.Choices {
			reasons[i] = r.Choices[i].FinishReason
		}
		t.add(attribute.StringSlice(t.name("finish_reasons"), reasons))
	}
	if r.Cache != "" {
		t.add(attribute.String("llmagg.cache", r.Cache))
	}
	a.ended(ctx, span, t, outcome{r.Model, r.Usage, r.Cost, r.CallID, r.Attempts})
}

// outcome is what the answers of all forms of calls have.
type outcome struct {
	model    string
	usage    *llm.Usage
	cost     *llm.Cost
	call     uint64
	attempts []llm.Attempt
}

// ended ends the span of a call that has an answer.
func (a *Aggregator) ended(ctx context.Context, span trace.Span, t told, o outcome) {
	defer span.End()
	if !span.IsRecording() {
		return
	}
	a.attempts(ctx, o.attempts)
	a.named(span, &t, o.attempts, o.model)
	t.last(o.attempts)
	t.text("response_model", o.model)
	t.add(attribute.Int64("llmagg.call", int64(o.call)))
	t.usage(o.usage)
	t.cost(o.cost)
	span.SetAttributes(t.list...)
}

// failed ends the span of a call that has no answer. A stream that its reader
// left is no failure.
func (a *Aggregator) failed(ctx context.Context, span trace.Span, err error) {
	defer span.End()
	if !span.IsRecording() {
		return
	}
	e := llm.AsError(err)
	a.attempts(ctx, e.Attempts)
	t := told{generation: a.generation}
	a.named(span, &t, e.Attempts, "")
	t.last(e.Attempts)
	if e.CallID != 0 {
		t.add(attribute.Int64("llmagg.call", int64(e.CallID)))
	}
	if errors.Is(err, client.ErrLeft) {
		t.add(attribute.Bool("llmagg.stream.left", true))
	} else {
		t.failure(e.Code, e.Owner())
		span.SetStatus(codes.Error, e.Message)
	}
	span.SetAttributes(t.list...)
}

// named names the span of a chat by the model that was asked first, where
// nobody knew it when the span began.
func (a *Aggregator) named(span trace.Span, t *told, trail []llm.Attempt, model string) {
	if a.Aggregator != nil {
		return
	}
	if len(trail) > 0 {
		model = trail[0].Model
	}
	if model != "" {
		t.text("model", model)
		span.SetName("chat " + model)
	}
}

// attempts makes a child of the span in ctx of each attempt.
func (a *Aggregator) attempts(ctx context.Context, trail []llm.Attempt) {
	if a.single {
		return
	}
	for i := range trail {
		at := &trail[i]
		t := told{generation: a.generation}
		t.add(attribute.Int("llmagg.attempt.number", i+1))
		t.route(at)
		t.seconds("llmagg.attempt.wait", at.Wait)
		t.seconds("llmagg.attempt.first_token", at.FirstToken)
		if at.WaitedFor != "" {
			t.add(attribute.String("llmagg.attempt.waited_for", at.WaitedFor))
		}
		if at.Forced {
			t.add(attribute.Bool("llmagg.attempt.forced", true))
		}
		if at.Hedge {
			t.add(attribute.Bool("llmagg.attempt.hedge", true))
		}
		if at.Key != "" {
			t.add(attribute.String("llmagg.attempt.key", at.Key))
		}
		if at.Status != 0 {
			t.add(attribute.Int("http.response.status_code", at.Status))
		}
		if at.Code != llm.OK {
			t.failure(at.Code, at.ErrorOwner())
		}
		_, span := a.tracer.Start(ctx, "llmagg attempt "+at.Route(), trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(at.Start), trace.WithAttributes(t.list...))
		if at.Code != llm.OK {
			span.SetStatus(codes.Error, at.Message)
		}
		span.End(trace.WithTimestamp(at.Start.Add(at.Duration)))
	}
}
