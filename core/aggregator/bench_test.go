package aggregator_test

import (
	"context"
	"testing"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
	"github.com/llmagg/llmagg/core/provider"
	"github.com/stretchr/testify/require"
)

// BenchmarkChat is what a call costs beside its HTTP exchange: the backend
// answers at once.
func BenchmarkChat(b *testing.B) {
	var models []config.Model
	for _, name := range []string{"a", "b", "c"} {
		models = append(models, config.Model{Provider: "mine", Name: name})
	}
	p, err := provider.NewCustom(config.Provider{Name: "mine", Models: models}, instant{}, provider.Options{})
	require.NoError(b, err)
	m := manager.New(manager.Options{})
	require.NoError(b, p.Initialize(b.Context()))
	require.NoError(b, m.Register(p))
	a := aggregator.New(m, aggregator.Options{Models: []string{"a", "b", "c"}})
	defer a.Close(context.Background())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Chat(context.Background(), ask()); err != nil {
			b.Fatal(err)
		}
	}
}

// instant is a backend that answers at once.
type instant struct{}

func (instant) Chat(context.Context, *client.Exchange) (*llm.Response, error) {
	return &llm.Response{Choices: []llm.Choice{{Message: llm.Message{Content: "yes"}, FinishReason: "stop"}}}, nil
}

func (instant) Stream(context.Context, *client.Exchange) (client.ChunkReader, error) {
	return &said{text: "yes"}, nil
}
