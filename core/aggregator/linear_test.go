//go:build !race

package aggregator_test

import (
	"fmt"
	"testing"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/tests/lineartime"
	"github.com/stretchr/testify/require"
)

// Resolving is linear in the routes and the names: a configuration that was
// written by a program may have very many of both.
func TestVeryManyModelsAreResolvedInLinearTime(t *testing.T) {
	same := func(int) string { return "same" }
	numbered := func(i int) string { return fmt.Sprintf("m%d", i) }
	for name, c := range map[string]struct {
		provider, key, model func(i int) string
		asked                func(i int) string // nil: nothing is asked for
		found                bool               // else MODEL_NOT_FOUND
	}{
		"all":                  {same, numbered, same, nil, true},
		"keys":                 {same, numbered, same, numbered, true},
		"upstream names":       {same, same, numbered, numbered, true},
		"one name, many times": {numbered, same, same, same, true},
		"providers of a name":  {numbered, same, same, func(i int) string { return numbered(i) + "/same" }, true},
		"models of a provider": {same, numbered, same, func(i int) string { return "same/" + numbered(i) }, true},
		"upstream, qualified":  {same, same, numbered, func(i int) string { return "same/" + numbered(i) }, true},
		"names nobody has":     {same, numbered, same, func(i int) string { return fmt.Sprintf("none%d", i) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			lineartime.Check(t, 100_000, func(routes int) func() {
				catalog, models := make([]aggregator.CatalogEntry, routes), []string(nil)
				for i := range catalog {
					catalog[i] = aggregator.CatalogEntry{Provider: c.provider(i), Name: c.key(i), Model: c.model(i)}
					if c.asked != nil {
						models = append(models, c.asked(i))
					}
				}
				return func() {
					got, err := aggregator.Resolve(catalog, models)
					if c.found {
						require.NoError(t, err)
						require.Len(t, got, routes)
					} else {
						require.Equal(t, llm.ModelNotFound, llm.CodeOfError(err), "%v", err)
					}
				}
			})
		})
	}
}
