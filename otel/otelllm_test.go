package otelllm_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/llmagg/llmagg"
	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
	otelllm "github.com/llmagg/llmagg/otel"
)

func build(t testing.TB, script string) (*aggregator.Aggregator, *faultwall.Wall) {
	s, err := faultwall.ParseScript([]byte(script))
	require.NoError(t, err)
	wall, err := faultwall.Start(s, faultwall.Options{})
	require.NoError(t, err)
	t.Cleanup(wall.Close)
	configs, err := config.Parse(fmt.Appendf(nil, `{"openai":{"api_key":"sk-secret","base_url":%q,"max_retries":1,"models":{"bad":{},"good":{}}}}`, wall.BaseURL()), config.Options{})
	require.NoError(t, err)
	m := manager.New(manager.Options{})
	agg := aggregator.New(m, aggregator.Options{})
	require.NoError(t, agg.Initialize(context.Background(), configs))
	t.Cleanup(func() { require.NoError(t, m.Close(context.Background())) })
	return agg, wall
}

func ask() *llm.Request {
	return &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: "hi"}}}
}

const down = `{"models":{"bad":{"steps":[{"status":503}]}}}`

// spans are the spans by name, once there are n.
func spans(t *testing.T, kept *tracetest.InMemoryExporter, n int) map[string]tracetest.SpanStub {
	require.Eventually(t, func() bool { return len(kept.GetSpans()) >= n }, 5*time.Second, time.Millisecond)
	found := map[string]tracetest.SpanStub{}
	for _, s := range kept.GetSpans() {
		found[s.Name] = s
		for _, a := range s.Attributes {
			require.NotContains(t, a.Value.Emit(), "sk-secret")
		}
	}
	require.Len(t, kept.GetSpans(), n)
	return found
}

func provider() (*sdk.TracerProvider, *tracetest.InMemoryExporter) {
	kept := tracetest.NewInMemoryExporter()
	return sdk.NewTracerProvider(sdk.WithSyncer(kept)), kept
}

func attributes(s tracetest.SpanStub) map[attribute.Key]string {
	found := map[attribute.Key]string{}
	for _, a := range s.Attributes {
		found[a.Key] = a.Value.Emit()
	}
	return found
}

func TestChatsAndStreamsAreSpans(t *testing.T) {
	for how, ends := range map[string]string{"chat": "OK", "stream": "OK", "left": "left", "cancelled": "CANCELED", "broken": "STREAM_INTERRUPTED"} {
		t.Run(how, func(t *testing.T) {
			script := down
			switch how {
			case "broken":
				script = `{"models":{"bad":{"steps":[{"status":503}]},"good":{"steps":[{"cut":{"how":"reset","after_events":2}}]}}}`
			case "left", "cancelled":
				script = `{"models":{"bad":{"steps":[{"status":503}]},"good":{"steps":[{"forever":true,"delay_event_s":0.01}]}}}`
			}
			plain, wall := build(t, script)
			tp, kept := provider()
			agg := otelllm.Wrap(plain, otelllm.WithTracerProvider(tp))
			ctx, mine := tp.Tracer("application").Start(context.Background(), "my request")
			inner, cancel := context.WithCancel(ctx)
			defer cancel()
			if how == "chat" {
				_, err := agg.Chat(inner, ask())
				require.NoError(t, err)
			} else {
				s, err := agg.Stream(inner, ask())
				require.NoError(t, err)
				_, err = s.Next()
				require.NoError(t, err)
				switch how {
				case "stream":
					_, err = s.Collect()
					require.NoError(t, err)
				case "left":
					require.NoError(t, s.Close())
				case "cancelled":
					cancel()
				case "broken":
					_, err = s.Collect()
					require.Error(t, err)
				}
			}
			found := spans(t, kept, 3)
			mine.End()
			call := found["chat bad"]
			require.Equal(t, mine.SpanContext().SpanID(), call.Parent.SpanID())
			for _, route := range []string{"openai/bad", "openai/good"} {
				require.Equal(t, call.SpanContext.SpanID(), found["llmagg attempt "+route].Parent.SpanID(), route)
			}
			bad := attributes(found["llmagg attempt openai/bad"])
			require.Equal(t, "UNAVAILABLE", bad["error.type"])
			require.Equal(t, "provider", bad["llmagg.error.owner"])
			require.Equal(t, "503", bad["http.response.status_code"])
			for _, said := range []map[attribute.Key]string{bad, attributes(call)} {
				require.Equal(t, wall.URL(), "http://"+said["server.address"]+":"+said["server.port"])
			}
			said := attributes(call)
			require.Equal(t, "openai/good", said["llmagg.route"])
			require.NotEmpty(t, said["llmagg.call"])
			switch ends {
			case "OK":
				require.Equal(t, `["stop"]`, said["gen_ai.response.finish_reasons"])
			case "left":
				require.Equal(t, "true", said["llmagg.stream.left"])
			default:
				require.Equal(t, ends, said["error.type"])
				require.NotEmpty(t, said["llmagg.error.owner"])
			}
			require.Equal(t, ends != "OK" && ends != "left", call.Status.Code == codes.Error)
			require.Equal(t, ends != "OK" && ends != "left", said["error.type"] != "")
			require.Equal(t, ends == "OK", said["gen_ai.response.finish_reasons"] != "")
		})
	}
}

func TestAFailedCallSaysSo(t *testing.T) {
	agg, _ := build(t, `{"default":{"steps":[{"status":401}]}}`)
	tp, kept := provider()
	_, err := otelllm.Wrap(agg, otelllm.WithTracerProvider(tp), otelllm.WithoutAttempts()).Chat(context.Background(), ask())
	require.Error(t, err)
	call := spans(t, kept, 1)["chat bad"]
	require.Equal(t, trace.SpanKindClient, call.SpanKind)
	require.Equal(t, codes.Error, call.Status.Code)
	require.Equal(t, "caller", attributes(call)["llmagg.error.owner"])
	require.Equal(t, "openai/good", attributes(call)["llmagg.route"])
}

func TestALostHedgeIsNotWhatTheSpanSays(t *testing.T) {
	agg, _ := build(t, `{"models":{"bad":{"steps":[{"delay_headers_s":0.3}]},"good":{"steps":[{"delay_headers_s":30}]}}}`)
	tp, kept := provider()
	r := ask()
	r.Options.HedgeAfter = 50 * time.Millisecond
	s, err := otelllm.Wrap(agg, otelllm.WithTracerProvider(tp)).Stream(context.Background(), r)
	require.NoError(t, err)
	answer, err := s.Collect()
	require.NoError(t, err)
	require.Len(t, answer.Attempts, 2)
	call := spans(t, kept, 3)["chat bad"]
	require.Equal(t, "openai/bad", attributes(call)["llmagg.route"])
	require.NotContains(t, attributes(call), attribute.Key("error.type"))
}

func TestEmbeddingsAreSpansToo(t *testing.T) {
	agg, _ := build(t, `{}`)
	tp, kept := provider()
	_, err := otelllm.Wrap(agg, otelllm.WithTracerProvider(tp)).Embed(context.Background(), &llm.EmbeddingRequest{Model: "good", Input: []string{"a text"}})
	require.NoError(t, err)
	call := attributes(spans(t, kept, 2)["embeddings good"])
	require.Equal(t, "openai", call["gen_ai.provider.name"])
	require.NotEmpty(t, call["gen_ai.usage.input_tokens"])
	require.NotEmpty(t, call["llmagg.call"])
}

func TestTheLatestNamesAreAskedFor(t *testing.T) {
	t.Setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "http, gen_ai_latest_experimental")
	agg, _ := build(t, `{}`)
	tp, kept := provider()
	s, err := otelllm.Wrap(agg, otelllm.WithTracerProvider(tp)).Stream(context.Background(), ask())
	require.NoError(t, err)
	_, err = s.Collect()
	require.NoError(t, err)
	call := attributes(spans(t, kept, 2)["chat bad"])
	require.Equal(t, "true", call["gen_ai.request.stream"])
	require.NotEmpty(t, call["gen_ai.response.time_to_first_chunk"])
}

func TestPropagationIsAskedFor(t *testing.T) {
	agg, wall := build(t, `{}`)
	tp, kept := provider()
	_, err := otelllm.Wrap(agg, otelllm.WithTracerProvider(tp)).Chat(context.Background(), ask())
	require.NoError(t, err)
	require.NotContains(t, strings.ToLower(fmt.Sprint(wall.Seen())), "traceparent")
	_, err = otelllm.Wrap(agg, otelllm.WithTracerProvider(tp), otelllm.WithPropagation(propagation.TraceContext{})).Chat(context.Background(), ask())
	require.NoError(t, err)
	last := kept.GetSpans()[len(kept.GetSpans())-1]
	require.Contains(t, fmt.Sprint(wall.Seen()), last.SpanContext.TraceID().String())
}

// What the wrapper costs a call: nothing worth naming without an SDK.
func BenchmarkChat(b *testing.B) {
	agg, _ := build(b, `{}`)
	tp := sdk.NewTracerProvider(sdk.WithBatcher(tracetest.NewInMemoryExporter()))
	for name, chat := range map[string]func(context.Context, *llm.Request) (*llm.Response, error){
		"plain": agg.Chat, "no SDK": otelllm.Wrap(agg, otelllm.WithTracerProvider(noop.NewTracerProvider())).Chat,
		"SDK": otelllm.Wrap(agg, otelllm.WithTracerProvider(tp)).Chat,
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := chat(context.Background(), ask()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// An aggregator of llmagg.New has the same spans, whatever makes its calls.
func TestMiddlewareMakesSpans(t *testing.T) {
	_, wall := build(t, `{"models":{"bad":{"steps":[{"status":503}]},"good":{"steps":[{"text":"3"}]}}}`)
	tp, kept := provider()
	a, err := llmagg.New(llmagg.JSON(fmt.Sprintf(`{"openai":{"api_key":"sk-secret","base_url":%q,"max_retries":1,"models":{"bad":{},"good":{}}}}`, wall.BaseURL())),
		llmagg.WithMiddleware(otelllm.Middleware(otelllm.WithTracerProvider(tp))))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Close()) })
	calls := map[string]func() error{
		"ask":   func() error { _, err := a.Ask(t.Context(), "hi"); return err },
		"parse": func() error { _, err := llmagg.Parse[int](t.Context(), a, ask()); return err },
		"texts": func() error {
			for _, err := range a.Texts(t.Context(), ask()) {
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			kept.Reset()
			require.NoError(t, call())
			found := spans(t, kept, 3)
			whole := found["chat bad"]
			require.Equal(t, "openai", attributes(whole)["gen_ai.provider.name"])
			require.Equal(t, "bad", attributes(whole)["gen_ai.request.model"])
			require.Equal(t, "openai/good", attributes(whole)["llmagg.route"])
			require.Equal(t, "UNAVAILABLE", attributes(found["llmagg attempt openai/bad"])["error.type"])
			require.Equal(t, whole.SpanContext.SpanID(), found["llmagg attempt openai/good"].Parent.SpanID())
		})
	}
	kept.Reset()
	_, err = a.Chat(t.Context(), &llm.Request{})
	require.Error(t, err)
	require.Equal(t, "INVALID_ARGUMENT", attributes(spans(t, kept, 1)["chat"])["error.type"])
}
