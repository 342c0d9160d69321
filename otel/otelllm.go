// Package otelllm makes spans of an aggregator's calls, through the
// application's OpenTelemetry:
//
//	agg := otelllm.Wrap(aggregator.New(m, aggregator.Options{}))
//	response, err := agg.Chat(ctx, request)
//
// A call is a span under that of ctx, each of its attempts (retries, failovers,
// restarts, hedges) a child of it. They are made from the trail when the call
// has ended, so nothing is observed while it runs. It is a module of its own,
// which imports OpenTelemetry's API only.
package otelllm

import (
	"context"
	"maps"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/llm"
)

// Aggregator is an aggregator whose chats and streams are spans.
type Aggregator struct {
	*aggregator.Aggregator
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
	single     bool
}

// Option is an option of [Wrap].
type Option func(*Aggregator)

// WithTracerProvider uses tp instead of OpenTelemetry's global one.
func WithTracerProvider(tp trace.TracerProvider) Option {
	return func(a *Aggregator) { a.tracer = tp.Tracer("github.com/llmagg/llmagg/otel") }
}

// WithPropagation sends the trace's headers with each request, for gateways of
// your own: every provider that is asked sees them.
func WithPropagation(p propagation.TextMapPropagator) Option {
	return func(a *Aggregator) { a.propagator = p }
}

// WithoutAttempts makes one span of a call.
func WithoutAttempts() Option { return func(a *Aggregator) { a.single = true } }

// Wrap makes spans of what is called on its result; all else is agg's.
func Wrap(agg *aggregator.Aggregator, options ...Option) *Aggregator {
	a := &Aggregator{Aggregator: agg}
	WithTracerProvider(otel.GetTracerProvider())(a)
	for _, o := range options {
		o(a)
	}
	return a
}

// Chat is [aggregator.Aggregator.Chat] as a span.
func (a *Aggregator) Chat(ctx context.Context, r *llm.Request) (*llm.Response, error) {
	ctx, span, r := a.start(ctx, r)
	response, err := a.Aggregator.Chat(ctx, r)
	if err != nil {
		a.failed(ctx, span, err)
	} else {
		a.answered(ctx, span, response)
	}
	return response, err
}

// Stream is [aggregator.Aggregator.Stream] as a span, which ends with the
// stream: when it is complete, breaks off, is closed, or ctx ends.
func (a *Aggregator) Stream(ctx context.Context, r *llm.Request) (*client.Stream, error) {
	ctx, span, r := a.start(ctx, r)
	s, err := a.Aggregator.Stream(ctx, r)
	switch {
	case err != nil:
		a.failed(ctx, span, err)
	case !span.IsRecording():
		span.End()
	default:
		go func() {
			<-s.Done()
			a.answered(ctx, span, s.Response())
		}()
	}
	return s, err
}

func (a *Aggregator) start(ctx context.Context, r *llm.Request) (context.Context, trace.Span, *llm.Request) {
	model := r.Model
	if names := a.Models(); model == "" && len(names) > 0 {
		model = names[0]
	}
	kind := trace.SpanKindInternal
	if a.single {
		kind = trace.SpanKindClient
	}
	ctx, span := a.tracer.Start(ctx, "chat "+model, trace.WithSpanKind(kind),
		trace.WithAttributes(attribute.String("gen_ai.operation.name", "chat"), attribute.String("gen_ai.request.model", model)))
	if span.IsRecording() {
		span.SetAttributes(asked(r)...)
	}
	if a.propagator != nil {
		copied := *r
		copied.Options.Headers = maps.Clone(r.Options.Headers)
		if copied.Options.Headers == nil {
			copied.Options.Headers = map[string]string{}
		}
		a.propagator.Inject(ctx, propagation.MapCarrier(copied.Options.Headers))
		r = &copied
	}
	return ctx, span, r
}

func asked(r *llm.Request) (known []attribute.KeyValue) {
	for name, n := range map[string]*int{"gen_ai.request.max_tokens": r.MaxTokens, "gen_ai.request.choice.count": r.N} {
		if n != nil {
			known = append(known, attribute.Int(name, *n))
		}
	}
	for name, x := range map[string]*float64{"gen_ai.request.temperature": r.Temperature, "gen_ai.request.top_p": r.TopP,
		"gen_ai.request.presence_penalty": r.PresencePenalty, "gen_ai.request.frequency_penalty": r.FrequencyPenalty} {
		if x != nil {
			known = append(known, attribute.Float64(name, *x))
		}
	}
	if r.Seed != nil {
		known = append(known, attribute.Int64("gen_ai.request.seed", *r.Seed))
	}
	if len(r.Stop) > 0 {
		known = append(known, attribute.StringSlice("gen_ai.request.stop_sequences", r.Stop))
	}
	return known
}

// answered ends the span of a call by its answer, or by what a stream left.
func (a *Aggregator) answered(ctx context.Context, span trace.Span, r *llm.Response) {
	defer span.End()
	if !span.IsRecording() {
		return
	}
	a.attempts(ctx, r.Attempts)
	said := []attribute.KeyValue{attribute.String("gen_ai.response.id", r.ID), attribute.String("gen_ai.response.model", r.Model), attribute.Int64("llmagg.call", int64(r.CallID))}
	if n := len(r.Attempts); n > 0 {
		last := &r.Attempts[n-1]
		said = append(said, attribute.String("gen_ai.provider.name", providerName(last.Provider)), attribute.String("llmagg.route", last.Route()))
		if last.Code != llm.OK {
			said = append(said, attribute.String("error.type", last.Code.String()), attribute.String("llmagg.error.owner", last.ErrorOwner()))
			if last.Code != llm.Canceled {
				span.SetStatus(codes.Error, last.Message)
			}
		}
	}
	if input, output, _ := r.Usage.Counts(); input && output {
		said = append(said, attribute.Int("gen_ai.usage.input_tokens", r.Usage.PromptTokens), attribute.Int("gen_ai.usage.output_tokens", r.Usage.CompletionTokens))
	}
	reasons := make([]string, len(r.Choices))
	for i := range r.Choices {
		reasons[i] = r.Choices[i].FinishReason
	}
	said = append(said, attribute.StringSlice("gen_ai.response.finish_reasons", reasons))
	if c := r.Cost; c != nil {
		said = append(said, attribute.Float64("llmagg.cost.amount", c.Amount), attribute.String("llmagg.cost.currency", c.Currency), attribute.String("llmagg.cost.source", c.Source))
	}
	span.SetAttributes(said...)
}

func (a *Aggregator) failed(ctx context.Context, span trace.Span, err error) {
	defer span.End()
	if !span.IsRecording() {
		return
	}
	e := llm.AsError(err)
	a.attempts(ctx, e.Attempts)
	span.SetAttributes(attribute.String("error.type", e.Code.String()), attribute.String("llmagg.error.owner", e.Owner()), attribute.Int64("llmagg.call", int64(e.CallID)))
	span.SetStatus(codes.Error, e.Message)
}

// attempts makes a child of the span in ctx of each attempt.
func (a *Aggregator) attempts(ctx context.Context, trail []llm.Attempt) {
	if a.single {
		return
	}
	for i := range trail {
		t := &trail[i]
		about := []attribute.KeyValue{attribute.Int("llmagg.attempt.number", i+1), attribute.String("llmagg.route", t.Route())}
		seconds := func(name string, d time.Duration) {
			if d > 0 {
				about = append(about, attribute.Float64(name, d.Seconds()))
			}
		}
		seconds("llmagg.attempt.wait", t.Wait)
		seconds("llmagg.attempt.first_token", t.FirstToken)
		if t.WaitedFor != "" {
			about = append(about, attribute.String("llmagg.attempt.waited_for", t.WaitedFor))
		}
		if t.Forced {
			about = append(about, attribute.Bool("llmagg.attempt.forced", true))
		}
		if t.Hedge {
			about = append(about, attribute.Bool("llmagg.attempt.hedge", true))
		}
		if t.Status != 0 {
			about = append(about, attribute.Int("http.response.status_code", t.Status))
		}
		if t.Code != llm.OK {
			about = append(about, attribute.String("error.type", t.Code.String()), attribute.String("llmagg.error.owner", t.ErrorOwner()))
		}
		_, span := a.tracer.Start(ctx, "llmagg attempt "+t.Route(), trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(t.Start), trace.WithAttributes(about...))
		if t.Code != llm.OK {
			span.SetStatus(codes.Error, t.Message)
		}
		span.End(trace.WithTimestamp(t.Start.Add(t.Duration)))
	}
}

// providerName is the conventions' name of a provider.
func providerName(name string) string {
	switch name {
	case "azure":
		return "azure.ai.openai"
	case "bedrock":
		return "aws.bedrock"
	case "gemini":
		return "gcp.gemini"
	case "mistral":
		return "mistral_ai"
	case "vertex":
		return "gcp.vertex_ai"
	case "xai":
		return "x_ai"
	}
	return name
}
