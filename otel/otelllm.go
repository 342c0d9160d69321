// Package otelllm makes spans of an aggregator's calls, through the
// application's OpenTelemetry:
//
//	llm, err := llmagg.New(config, llmagg.WithMiddleware(otelllm.Middleware()))
//
// or those of an aggregator that [Wrap] wraps. A call is a span under that of
// ctx, each of its attempts (retries, failovers, restarts, hedges) a child of
// it. They are made from the trail when the call has ended, so nothing is
// observed while it runs. It imports OpenTelemetry's API only.
package otelllm

import (
	"context"
	"maps"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/llmagg/llmagg"
	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/llm"
)

// Aggregator is an aggregator whose calls are spans.
type Aggregator struct {
	*aggregator.Aggregator // nil in Middleware, which does not know its aggregator
	tracer                 trace.Tracer
	propagator             propagation.TextMapPropagator
	single                 bool
	generation             int // of the attributes' names
}

// Option is an option of [Wrap] and [Middleware].
type Option func(*Aggregator)

// WithTracerProvider uses tp instead of OpenTelemetry's global one, which nil
// means.
func WithTracerProvider(tp trace.TracerProvider) Option {
	if tp == nil {
		tp = otel.GetTracerProvider()
	}
	return func(a *Aggregator) { a.tracer = tp.Tracer("github.com/llmagg/llmagg/otel") }
}

// WithPropagation sends the trace's headers with each request, for gateways of
// your own: every provider that is asked sees them.
func WithPropagation(p propagation.TextMapPropagator) Option {
	return func(a *Aggregator) { a.propagator = p }
}

// WithoutAttempts makes one span of a call.
func WithoutAttempts() Option { return func(a *Aggregator) { a.single = true } }

// Wrap makes spans of what is called on its result, embeddings and rankings
// among it; all else is agg's.
func Wrap(agg *aggregator.Aggregator, options ...Option) *Aggregator {
	a := &Aggregator{Aggregator: agg, generation: generation()}
	WithTracerProvider(otel.GetTracerProvider())(a)
	for _, o := range options {
		o(a)
	}
	return a
}

// Middleware makes spans of the chats and streams of an aggregator of
// [llmagg.New], of those that Ask, Texts, Parse and RunTools make, too: give it
// to [llmagg.WithMiddleware].
func Middleware(options ...Option) llmagg.Middleware {
	a := Wrap(nil, options...)
	return llmagg.Middleware{
		Chat: func(next llmagg.ChatFunc) llmagg.ChatFunc {
			return func(ctx context.Context, r *llm.Request) (*llm.Response, error) { return a.chat(ctx, r, next) }
		},
		Stream: func(next llmagg.StreamFunc) llmagg.StreamFunc {
			return func(ctx context.Context, r *llm.Request) (*client.Stream, error) { return a.stream(ctx, r, next) }
		},
	}
}

// Chat is [aggregator.Aggregator.Chat] as a span.
func (a *Aggregator) Chat(ctx context.Context, r *llm.Request) (*llm.Response, error) {
	return a.chat(ctx, r, a.Aggregator.Chat)
}

func (a *Aggregator) chat(ctx context.Context, r *llm.Request, next llmagg.ChatFunc) (*llm.Response, error) {
	ctx, span, r := a.start(ctx, r, r.Stream)
	response, err := next(ctx, r)
	switch {
	case err != nil:
		a.failed(ctx, span, err)
	case response == nil: // of a middleware, which llmagg refuses
		span.End()
	default:
		a.answered(ctx, span, response)
	}
	return response, err
}

// Stream is [aggregator.Aggregator.Stream] as a span, which ends with the
// stream: when it is complete, breaks off, is closed, or ctx ends.
func (a *Aggregator) Stream(ctx context.Context, r *llm.Request) (*client.Stream, error) {
	return a.stream(ctx, r, a.Aggregator.Stream)
}

func (a *Aggregator) stream(ctx context.Context, r *llm.Request, next llmagg.StreamFunc) (*client.Stream, error) {
	ctx, span, r := a.start(ctx, r, true)
	s, err := next(ctx, r)
	switch {
	case err != nil:
		a.failed(ctx, span, err)
	case s == nil, !span.IsRecording():
		span.End()
	default:
		go func() {
			<-s.Done()
			if err := s.Err(); err != nil {
				a.failed(ctx, span, err)
			} else {
				a.answered(ctx, span, s.Response())
			}
		}()
	}
	return s, err
}

// Embed is [aggregator.Aggregator.Embed] as a span.
func (a *Aggregator) Embed(ctx context.Context, r *llm.EmbeddingRequest) (*llm.EmbeddingResponse, error) {
	ctx, span := a.begin(ctx, "embeddings", r.Model)
	answer, err := a.Aggregator.Embed(ctx, r)
	return end(ctx, a, span, answer, err, func() outcome {
		return outcome{answer.Model, answer.Usage, answer.Cost, answer.CallID, answer.Attempts}
	})
}

// Rerank is [aggregator.Aggregator.Rerank] as a span.
func (a *Aggregator) Rerank(ctx context.Context, r *llm.RerankRequest) (*llm.RerankResponse, error) {
	ctx, span := a.begin(ctx, "rerank", r.Model)
	answer, err := a.Aggregator.Rerank(ctx, r)
	return end(ctx, a, span, answer, err, func() outcome {
		return outcome{answer.Model, answer.Usage, answer.Cost, answer.CallID, answer.Attempts}
	})
}

// end ends the span of a call that is no chat; of is what an answer tells.
func end[A any](ctx context.Context, a *Aggregator, span trace.Span, answer *A, err error, of func() outcome) (*A, error) {
	if err != nil {
		a.failed(ctx, span, err)
	} else {
		a.ended(ctx, span, told{generation: a.generation}, of())
	}
	return answer, err
}

// begin begins the span of a call that asks for model, "" for the aggregator's
// own choice.
func (a *Aggregator) begin(ctx context.Context, operation, model string) (context.Context, trace.Span) {
	t := told{generation: a.generation}
	t.text("operation", operation)
	if a.Aggregator != nil {
		if routes, err := a.Routes(model); err == nil && len(routes) > 0 {
			t.text("provider", providerName(routes[0].Provider()))
			if model == "" {
				model = routes[0].Name()
			}
		}
	}
	t.text("model", model)
	kind := trace.SpanKindInternal
	if a.single {
		kind = trace.SpanKindClient
	}
	return a.tracer.Start(ctx, strings.TrimSuffix(operation+" "+model, " "), trace.WithSpanKind(kind), trace.WithAttributes(t.list...))
}

func (a *Aggregator) start(ctx context.Context, r *llm.Request, stream bool) (context.Context, trace.Span, *llm.Request) {
	ctx, span := a.begin(ctx, "chat", r.Model)
	if span.IsRecording() {
		t := told{generation: a.generation}
		t.asked(r, stream)
		span.SetAttributes(t.list...)
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
