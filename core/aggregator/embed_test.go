package aggregator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
	"github.com/stretchr/testify/require"
)

// embedding makes an aggregator of the providers in text, where URL stands for
// the wall.
func embedding(t *testing.T, script string, providers map[string]any) (*aggregator.Aggregator, *faultwall.Wall) {
	t.Helper()
	s, err := faultwall.ParseScript([]byte(script))
	require.NoError(t, err)
	w, err := faultwall.Start(s, faultwall.Options{})
	require.NoError(t, err)
	t.Cleanup(w.Close)
	for _, p := range providers {
		p := p.(map[string]any)
		p["api_key"], p["base_url"] = "k", w.URL()+p["base_url"].(string)
	}
	text, err := json.Marshal(providers)
	require.NoError(t, err)
	configs, err := config.Parse(text, config.Options{})
	require.NoError(t, err)
	m := manager.New(manager.Options{})
	a := aggregator.New(m, aggregator.Options{})
	require.NoError(t, a.Initialize(context.Background(), configs))
	t.Cleanup(func() { require.NoError(t, a.Close(context.Background())) })
	return a, w
}

func texts(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("text %d", i)
	}
	return all
}

func routeOf(path, model string, more ...map[string]any) map[string]any {
	p := map[string]any{"base_url": path, "models": map[string]any{model: map[string]any{}}, "max_retries": 1}
	for _, m := range more {
		for k, v := range m {
			p[k] = v
		}
	}
	return p
}

// Each format gives the vectors of all texts in their order, however many
// requests they take.
func TestEmbed(t *testing.T) {
	for name, c := range map[string]struct {
		path     string
		requests int
		more     map[string]any
	}{
		"openai": {"/v1", 2, nil},
		"azure":  {"/openai/v1", 2, nil},
		"gemini": {"/v1beta", 25, nil},
		"ollama": {"", 10, nil},
		"zhipu":  {"/v4", 40, nil},
	} {
		a, w := embedding(t, `{}`, map[string]any{name: routeOf(c.path, "e", c.more)})
		r, err := a.Embed(context.Background(), &llm.EmbeddingRequest{Model: "e", Input: texts(2500)})
		require.NoError(t, err, name)
		require.Len(t, r.Vectors, 2500)
		require.Equal(t, c.requests, len(w.Seen().Of("e")), name)
		require.Len(t, r.Attempts, c.requests)
		require.Equal(t, "e", r.Model)
		for _, i := range []int{0, 99, 100, 255, 256, 2047, 2048, 2499} {
			one, err := a.Embed(context.Background(), &llm.EmbeddingRequest{Model: "e", Input: []string{fmt.Sprintf("text %d", i)}})
			require.NoError(t, err)
			require.InDeltaSlice(t, one.Vectors[0], r.Vectors[i], 1e-6, "%s %d", name, i)
		}
		if name == "gemini" {
			require.Nil(t, r.Usage, "Gemini tells none: unknown, not 0")
		} else {
			require.Equal(t, 5000, r.Usage.PromptTokens)
		}
		short, err := a.Embed(context.Background(), &llm.EmbeddingRequest{Model: "e", Input: []string{"a"}, Dimensions: 3})
		require.NoError(t, err)
		require.Len(t, short.Vectors[0], 3)
		var sum float64
		for _, x := range short.Vectors[0] {
			sum += float64(x) * float64(x)
		}
		require.InDelta(t, 1, math.Sqrt(sum), 1e-5)
	}
}

// A failed request fails over to a route of the same model; a route of another
// model is never asked.
func TestEmbedFailsOverWithinOneModel(t *testing.T) {
	a, w := embedding(t, `{"models":{"first":{"steps":[{"status":503}],"after":"repeat_last"},"other":{"steps":[{"status":503}],"after":"repeat_last"}}}`, map[string]any{
		"anthropic": routeOf("/v1", "e"),
		"p":         routeOf("/v1", "e", map[string]any{"model": "first"}),
		"q":         routeOf("/v1", "e", map[string]any{"model": "second"}),
	})
	r, err := a.Embed(context.Background(), &llm.EmbeddingRequest{Model: "e", Input: texts(3)})
	require.NoError(t, err)
	require.Equal(t, "second", r.Model)
	require.Len(t, r.Attempts, 2)
	require.Equal(t, llm.Unavailable, r.Attempts[0].Code)
	require.Zero(t, len(w.Seen().Of("e")), "Anthropic makes no embeddings")

	a, w = embedding(t, `{"models":{"other":{"steps":[{"status":503}],"after":"repeat_last"}}}`, map[string]any{"p": routeOf("/v1", "other"), "q": routeOf("/v1", "e")})
	_, err = a.Embed(context.Background(), &llm.EmbeddingRequest{Input: texts(1), Model: "other"})
	require.Equal(t, llm.AllFailed, llm.CodeOfError(err))
	require.Zero(t, len(w.Seen().Of("e")))

	a, _ = embedding(t, `{}`, map[string]any{"anthropic": routeOf("/v1", "e")})
	_, err = a.Embed(context.Background(), &llm.EmbeddingRequest{Model: "e", Input: texts(1)})
	require.Equal(t, llm.Unsupported, llm.CodeOfError(err))
}

// The first request that fails ends the others, and the call with its error.
func TestEmbedEndsWithTheFirstFailure(t *testing.T) {
	a, _ := embedding(t, `{"models":{"e":{"steps":[{},{"status":401}],"after":"repeat_last"}}}`, map[string]any{"gemini": routeOf("/v1beta", "e")})
	_, err := a.Embed(context.Background(), &llm.EmbeddingRequest{Model: "e", Input: texts(1000)})
	require.Error(t, err)
	require.NotEqual(t, llm.Canceled, llm.CodeOfError(err))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = a.Embed(ctx, &llm.EmbeddingRequest{Model: "e", Input: texts(1000)})
	require.Equal(t, llm.Canceled, llm.CodeOfError(err))
}

// A server that refuses base64 is asked again without, once for the route.
func TestEmbedWithoutBase64(t *testing.T) {
	refusal := `{"status":400,"body":{"error":{"message":"encoding_format: only float is supported"}}}`
	a, w := embedding(t, `{"models":{"e":{"steps":[`+refusal+`,{},{}]}}}`, map[string]any{"p": routeOf("/v1", "e")})
	for range 2 {
		r, err := a.Embed(context.Background(), &llm.EmbeddingRequest{Model: "e", Input: texts(2)})
		require.NoError(t, err)
		require.Len(t, r.Vectors, 2)
		require.Len(t, r.Attempts, 1)
	}
	require.Equal(t, 3, len(w.Seen().Of("e")))
}

// What cannot be the vectors of the texts is BAD_RESPONSE; what no model could
// embed is INVALID_ARGUMENT.
func TestEmbedBadInputAndAnswers(t *testing.T) {
	for _, body := range []string{`{}`, `{"data":[]}`, `{"data":[{"index":1,"embedding":[1]},{"index":1,"embedding":[1]}]}`, `{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1,2]}]}`,
		`{"data":[{"embedding":"AAAA"},{"embedding":"AAAA"}]}`, `{"data":[{"embedding":"!"},{"embedding":"!"}]}`, `[]`, `"x"`} {
		a, _ := embedding(t, `{"models":{"e":{"steps":[{"body":`+body+`}],"after":"repeat_last"}}}`, map[string]any{"p": routeOf("/v1", "e")})
		_, err := a.Embed(context.Background(), &llm.EmbeddingRequest{Model: "e", Input: texts(2)})
		require.Equal(t, llm.AllFailed, llm.CodeOfError(err), body)
		require.Equal(t, llm.BadResponse, llm.AsError(err).Attempts[0].Code, body)
	}
	a, _ := embedding(t, `{}`, map[string]any{"p": routeOf("/v1", "e")})
	for _, r := range []llm.EmbeddingRequest{{}, {Input: []string{"\xff"}}, {Input: texts(1), Dimensions: -1}, {Input: texts(1), InputType: "poem"}} {
		_, err := a.Embed(context.Background(), &r)
		require.Equal(t, llm.InvalidArgument, llm.CodeOfError(err))
	}
	r, err := a.Embed(context.Background(), &llm.EmbeddingRequest{Model: "e", Input: texts(1), InputType: "query", Extra: llm.Extra{"user": json.RawMessage(`"u"`)}})
	require.NoError(t, err)
	require.Equal(t, []string{"input_type: left out"}, r.Attempts[0].Adapted)
}

// A request that is too large is made again in halves, those beside it are not:
// they are answered, and paid. What was too large once says nothing of other
// texts.
func TestEmbedAsksAgainOnlyForWhatWasRefused(t *testing.T) {
	a, w := embedding(t, `{"models": {"e": {"steps": [{}, {"status": 413}, {}]}}}`,
		map[string]any{"zhipu": routeOf("/v4", "e", map[string]any{"max_concurrent_calls": 1})})
	ask := func(requests int) [][]float32 {
		r, err := a.Embed(context.Background(), &llm.EmbeddingRequest{Model: "e", Input: texts(100)})
		require.NoError(t, err)
		require.Len(t, w.Seen().Of("e"), requests)
		return r.Vectors
	}
	require.Equal(t, ask(4), ask(6)) // of 64, 36, 18 and 18 texts, then of 64 and 36
}
