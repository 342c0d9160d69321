package promllm_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/cache"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
	promllm "github.com/llmagg/llmagg/prom"
)

func TestTheCollectorDrawsThePageOfTheCore(t *testing.T) {
	script, err := faultwall.ParseScript([]byte(`{"models":{"bad":{"steps":[{"status":503}]}}}`))
	require.NoError(t, err)
	wall, err := faultwall.Start(script, faultwall.Options{})
	require.NoError(t, err)
	defer wall.Close()
	configs, err := config.Parse(fmt.Appendf(nil, `{"openai":{"api_key":"sk-secret","base_url":%q,"max_retries":1,"price":{"request":1},"models":{"bad":{},"good":{}}}}`,
		wall.BaseURL()), config.Options{})
	require.NoError(t, err)
	m := manager.New(manager.Options{})
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(promllm.Collector(m)) // before there is a route
	agg := aggregator.New(m, aggregator.Options{Cache: cache.New(cache.Options{})})
	require.NoError(t, agg.Initialize(context.Background(), configs))
	defer func() { require.NoError(t, m.Close(context.Background())) }()
	_, err = agg.Chat(context.Background(), &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: "hi"}}})
	require.NoError(t, err)

	got, err := registry.Gather()
	require.NoError(t, err)
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, problems)
	var about []string
	series := map[string]float64{}
	for _, family := range got {
		about = append(about, family.GetName()+" "+family.GetHelp())
		for _, s := range family.GetMetric() {
			name := family.GetName()
			for _, label := range s.GetLabel() {
				name += " " + label.GetValue()
			}
			series[name] = s.GetCounter().GetValue() + float64(s.GetHistogram().GetSampleCount())
		}
	}
	require.Equal(t, 1.0, series["llmagg_attempts_total bad UNAVAILABLE openai"])
	require.Equal(t, 1.0, series["llmagg_attempts_total good OK openai"])
	require.Equal(t, 1.0, series["llmagg_failovers_total bad openai"])
	require.Equal(t, 1.0, series["llmagg_cost_total USD good openai"])
	require.Equal(t, 1.0, series["llmagg_cache_total bad openai miss"])
	require.Equal(t, 1.0, series["llmagg_attempt_duration_seconds good openai"])

	golden, err := os.ReadFile("../core/meter/testdata/metrics.txt")
	require.NoError(t, err)
	var want []string
	for _, line := range regexp.MustCompile(`(?m)^# HELP (.*)$`).FindAllStringSubmatch(string(golden), -1) {
		want = append(want, line[1])
	}
	slices.Sort(want)
	slices.Sort(about)
	require.Equal(t, want, about)
}

func BenchmarkScrape100Routes(b *testing.B) {
	models := `"m0":{}`
	for i := range 99 {
		models += fmt.Sprintf(`,"m%d":{}`, i+1)
	}
	configs, err := config.Parse([]byte(`{"openai":{"api_key":"sk","models":{`+models+`}}}`), config.Options{})
	require.NoError(b, err)
	m := manager.New(manager.Options{})
	agg := aggregator.New(m, aggregator.Options{})
	require.NoError(b, agg.Initialize(context.Background(), configs))
	registry := prometheus.NewRegistry()
	registry.MustRegister(promllm.Collector(m))
	for b.Loop() {
		_, _ = registry.Gather()
	}
	require.NoError(b, m.Close(context.Background()))
}
