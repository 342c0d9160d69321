package cache_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/cache"
	"github.com/llmagg/llmagg/core/llm"
)

func said(text string) *llm.Response {
	return &llm.Response{ID: "1", Object: "chat.completion", Model: "m", Usage: &llm.Usage{},
		Choices: []llm.Choice{{Message: llm.Message{Role: llm.RoleAssistant, Content: text}, FinishReason: "stop"}}}
}

func payload(t testing.TB, request string) *llm.Payload {
	t.Helper()
	p, err := llm.OwnRequest([]byte(request), llm.CallOptions{})
	require.NoError(t, err)
	return p
}

func TestTheKeyHoldsWhatMayChangeTheAnswer(t *testing.T) {
	base := `{"model":"gpt","messages":[{"role":"user","content":"hé"}],"temperature":1}`
	key := cache.KeyOf(payload(t, base), []string{"a"})
	for _, same := range []string{
		`{"temperature":1.0,"messages":[{"content":"h\u00e9","role":"user"}]}`,
		`{"messages": [ {"role":"user","content":"hé"} ], "temperature":1e0, "model":"a/gpt"}`,
		`{"messages":[{"role":"user","content":"hé"}],"temperature":1,"stream":true,"stream_options":{"include_usage":true},"user":"u","metadata":{"a":"b"},"top_p":null}`,
	} {
		require.Equal(t, key, cache.KeyOf(payload(t, same), []string{"a"}), same)
	}
	for _, other := range []string{
		`{"messages":[{"role":"user","content":"hé"}],"temperature":0.9}`,
		`{"messages":[{"role":"user","content":"hé"}]}`,
		`{"messages":[{"role":"user","content":"he"}],"temperature":1}`,
		`{"messages":[{"role":"user","content":"hé"},{"role":"user","content":"hé"}],"temperature":1}`,
		`{"messages":[{"role":"user","content":"hé"}],"temperature":1,"seed":1}`,
		`{"messages":[{"role":"user","content":"hé"}],"temperature":1,"extra_body":{"top_k":1}}`,
		`{"messages":[{"role":"user","content":"hé"}],"temperature":1,"tools":[{"type":"function","function":{"name":"f"}}]}`,
	} {
		require.NotEqual(t, key, cache.KeyOf(payload(t, other), []string{"a"}), other)
	}
	require.NotEqual(t, key, cache.KeyOf(payload(t, base), []string{"b"}))
	require.NotEqual(t, key, cache.KeyOf(payload(t, base), []string{"a", "b"}))
	require.NotEqual(t, cache.KeyOf(payload(t, base), []string{"a", "b"}), cache.KeyOf(payload(t, base), []string{"b", "a"}))

	p := payload(t, base)
	p.Options = llm.CallOptions{Deadline: time.Second, MaxRetries: 7, Session: "s", HedgeAfter: time.Second, Headers: map[string]string{"Traceparent": "00-1"}}
	require.Equal(t, key, cache.KeyOf(p, []string{"a"}))
	p.Options.Headers["anthropic-beta"] = "x"
	require.NotEqual(t, key, cache.KeyOf(p, []string{"a"}))
}

// Models answer in the order of a schema.
func TestTheOrderOfASchemaCounts(t *testing.T) {
	schema := func(properties string) cache.Key {
		return cache.KeyOf(payload(t, `{"messages":[{"role":"user","content":"hi"}],"response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"properties":{`+properties+`}}}}}`), nil)
	}
	require.NotEqual(t, schema(`"why":{},"answer":{}`), schema(`"answer":{},"why":{}`))
}

func TestMemoryForgetsWhatWasNotUsedForTheLongestTime(t *testing.T) {
	now := time.Unix(1, 0)
	m := cache.NewMemory(3*(256+8), func() time.Time { return now })
	put := func(n byte, ttl time.Duration) {
		require.NoError(t, m.Put(t.Context(), cache.Key{n}, []byte(fmt.Sprintf("value %02d", n)[:8]), ttl))
	}
	has := func(n byte) bool {
		v, err := m.Get(t.Context(), cache.Key{n})
		require.NoError(t, err)
		return v != nil
	}
	put(1, 0)
	put(2, 0)
	put(3, time.Minute)
	require.True(t, has(1))
	put(4, 0)
	require.False(t, has(2))
	require.True(t, has(1) && has(3) && has(4))
	now = now.Add(time.Minute)
	require.False(t, has(3))
	require.NoError(t, m.Put(t.Context(), cache.Key{5}, make([]byte, 4096), 0))
	require.False(t, has(5), "larger than the store")
	require.True(t, has(1) && has(4))
}

func TestOnlyWholeAnswersAreKept(t *testing.T) {
	for reason, kept := range map[string]bool{"stop": true, "length": true, "tool_calls": true, "content_filter": false, "": false, "error": false, "other": false} {
		r := said("hi")
		r.Choices[0].FinishReason = reason
		require.Equal(t, kept, cache.Keepable(r), reason)
	}
	require.False(t, cache.Keepable(said("")))
	require.False(t, cache.Keepable(&llm.Response{}))
	two := said("hi")
	two.Choices = append(two.Choices, llm.Choice{Index: 1, Message: llm.Message{Content: "x"}, FinishReason: "content_filter"})
	require.False(t, cache.Keepable(two))
}

// What an answer holds comes back as it was.
func TestAnAnswerComesBackAsItWas(t *testing.T) {
	for _, text := range []string{
		`{"id":"1","object":"chat.completion","created":5,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hé\u0000\ud83d\ude00"},"finish_reason":"stop","logprobs":{"content":[]}}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"prompt_tokens_details":{"cached_tokens":1}},"system_fingerprint":"f","cost":7,"cache":"mine"}`,
		`{"id":"2","object":"chat.completion","created":5,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"reasoning_content":"hm","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},{"id":"d","type":"function","function":{"name":"g","arguments":""}}]},"finish_reason":"tool_calls"},{"index":1,"message":{"role":"assistant","content":[{"type":"text","text":"a"}],"x":1},"finish_reason":"length"}],"usage":null}`,
	} {
		r := &llm.Response{}
		require.NoError(t, json.Unmarshal([]byte(text), r))
		want, err := json.Marshal(r)
		require.NoError(t, err)
		c := cache.New(cache.Options{})
		asked := *r
		asked.CallID, asked.Attempts, asked.Cost = 9, []llm.Attempt{{Provider: "p", Model: "m"}}, &llm.Cost{Amount: 1, Currency: "CNY"}
		c.Put(t.Context(), cache.Key{}, &asked)
		a := c.Get(t.Context(), cache.Key{}, nil)
		require.NotNil(t, a)
		require.Equal(t, "p/m", a.Route)
		require.Equal(t, "CNY", a.Currency)
		got, err := json.Marshal(a.Response)
		require.NoError(t, err)
		require.JSONEq(t, string(want), string(got))

		var joined llm.Accumulator
		for _, chunk := range a.AsChunks() {
			joined.Add(chunk)
		}
		streamed := joined.Response()
		require.Equal(t, r.Text(), streamed.Text())
		for i := range r.Choices {
			require.Equal(t, r.Choices[i].FinishReason, streamed.Choices[i].FinishReason)
			require.Equal(t, r.Choices[i].Message.ReasoningContent, streamed.Choices[i].Message.ReasoningContent)
			require.Equal(t, len(r.Choices[i].Message.ToolCalls), len(streamed.Choices[i].Message.ToolCalls))
			for j, call := range r.Choices[i].Message.ToolCalls {
				require.Equal(t, call.Function, streamed.Choices[i].Message.ToolCalls[j].Function)
			}
		}
	}
}

// broken is a store that fails, or holds what is no answer.
type broken struct {
	value []byte
	err   error
}

func (b broken) Get(context.Context, cache.Key) ([]byte, error)              { return b.value, b.err }
func (b broken) Put(context.Context, cache.Key, []byte, time.Duration) error { return b.err }

func TestAStoreThatFailsFailsNoCall(t *testing.T) {
	for name, store := range map[string]broken{"fails": {err: errors.New("disk full")}, "cut": {value: []byte(`{"answer":{"id":`)}, "foreign": {value: []byte(`{"a":1}`)},
		"no JSON": {value: []byte("\xff\x00")}, "no answer": {value: []byte(`{"answer":{"choices":[]}}`)}} {
		t.Run(name, func(t *testing.T) {
			c := cache.New(cache.Options{Store: store})
			a, err := c.Chat(t.Context(), cache.Key{}, false, nil, func() (*llm.Response, error) { return said("hi"), nil })
			require.NoError(t, err)
			require.Equal(t, "hi", a.Text())
			require.Empty(t, a.How)
			require.Positive(t, c.Report().Failed)
		})
	}
}

// Calls of one key at the same time ask once; each gets an answer of its own.
func TestCallsAtTheSameTimeAskOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.New(cache.Options{})
		var asked atomic.Int32
		var all sync.WaitGroup
		answers := make([]*cache.Answer, 64)
		for i := range answers {
			all.Go(func() {
				a, err := c.Chat(t.Context(), cache.Key{}, false, nil, func() (*llm.Response, error) {
					asked.Add(1)
					time.Sleep(time.Second) // of synctest, as long as a server takes
					return said("hi"), nil
				})
				require.NoError(t, err)
				answers[i] = a
			})
		}
		all.Wait()
		require.Equal(t, int32(1), asked.Load())
		for _, a := range answers {
			require.Equal(t, "hi", a.Text())
			a.Choices[0].Message.Content = "changed by its owner"
		}
		r := c.Report()
		require.Equal(t, []uint64{1, 63, 0, 1}, []uint64{r.Misses, r.Joined, r.Hits, r.Kept})
		require.Equal(t, 1, r.Entries)
	})
}

// A call whose leader is cancelled takes over; a failure is only its caller's.
func TestAFailureIsNotShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.New(cache.Options{})
		var asked atomic.Int32
		ctx, leave := context.WithCancel(t.Context())
		ask := func(ctx context.Context, err error) (*cache.Answer, error) {
			return c.Chat(ctx, cache.Key{}, false, nil, func() (*llm.Response, error) {
				asked.Add(1)
				select {
				case <-ctx.Done():
					return nil, ctx.Err()
				case <-time.After(time.Second):
				}
				if err != nil {
					return nil, err
				}
				return said("hi"), nil
			})
		}
		var all sync.WaitGroup
		all.Go(func() {
			_, err := ask(ctx, nil)
			require.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
		for range 8 {
			all.Go(func() {
				a, err := ask(t.Context(), nil)
				require.NoError(t, err)
				require.Equal(t, "hi", a.Text())
			})
		}
		short, stop := context.WithTimeout(t.Context(), time.Millisecond)
		defer stop()
		all.Go(func() { // its own deadline, while it waits
			_, err := ask(short, nil)
			require.ErrorIs(t, err, cache.ErrEnded)
		})
		time.Sleep(2 * time.Millisecond) // of synctest: the short deadline is over
		leave()
		all.Wait()
		require.Equal(t, int32(2), asked.Load(), "one took over")

		asked.Store(0)
		c = cache.New(cache.Options{})
		all.Go(func() {
			_, err := ask(t.Context(), errors.New("down"))
			require.ErrorContains(t, err, "down")
		})
		synctest.Wait()
		for range 8 {
			all.Go(func() {
				a, err := ask(t.Context(), nil)
				require.NoError(t, err)
				require.Empty(t, a.How)
			})
		}
		all.Wait()
		require.Equal(t, int32(9), asked.Load(), "each asked for itself")
	})
}

func TestAPanicLeavesNobodyWaiting(t *testing.T) {
	c := cache.New(cache.Options{})
	require.Panics(t, func() {
		_, _ = c.Chat(t.Context(), cache.Key{}, false, nil, func() (*llm.Response, error) { panic("oh") })
	})
	a, err := c.Chat(t.Context(), cache.Key{}, false, nil, func() (*llm.Response, error) { return said("hi"), nil })
	require.NoError(t, err)
	require.Equal(t, "hi", a.Text())
}

func TestLimitsAreRead(t *testing.T) {
	for text, want := range map[string]llm.CacheLimits{`true`: {}, `{}`: {}, `{"size":"64MB"}`: {Bytes: 64 << 20}, `{"size":1000,"ttl_s":1.5}`: {Bytes: 1000, TTL: 1500 * time.Millisecond},
		`{"size":"1.5 GiB"}`: {Bytes: 3 << 29}} {
		got, err := llm.ReadCacheLimits("the cache", []byte(text))
		require.NoError(t, err, text)
		require.Equal(t, &want, got, text)
	}
	off, err := llm.ReadCacheLimits("the cache", []byte("false"))
	require.NoError(t, err)
	require.Nil(t, off)
	for text, has := range map[string]string{`1`: "expected true or", `{"sise":1}`: `did you mean "size"?`, `{"size":"much"}`: `"much"`, `{"size":0}`: "greater than 0", `{"size":"64XB"}`: "64MB",
		`{"ttl_s":0}`: "greater than 0", `{"ttl_s":"1h"}`: "expected seconds", `{"ttl":1}`: `did you mean "ttl_s"?`, `{"size":-1}`: "greater than 0", `{"size":"1e99GB"}`: "bytes", `[]`: "expected true or"} {
		_, err := llm.ReadCacheLimits("the cache", []byte(text))
		require.ErrorContains(t, err, has, text)
		require.Equal(t, llm.InvalidArgument, llm.AsError(err).Code)
	}
}

func BenchmarkHit(b *testing.B) {
	c := cache.New(cache.Options{})
	p := payload(b, `{"messages":[{"role":"user","content":"`+strings.Repeat("A question. ", 40)+`"}],"temperature":0}`)
	routes := []string{"openai/gpt-4o gpt-4o https://api.openai.com/v1"}
	c.Put(b.Context(), cache.KeyOf(p, routes), said(strings.Repeat("An answer. ", 80)))
	b.ReportAllocs()
	for b.Loop() {
		if c.Get(b.Context(), cache.KeyOf(p, routes), nil) == nil {
			b.Fatal("no hit")
		}
	}
}
