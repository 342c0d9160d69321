//go:build !race

package aggregator_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// Resolving is linear in the routes and the names: a configuration that was
// written by a program may have very many of both.
func TestVeryManyModelsAreResolvedInLinearTime(t *testing.T) {
	const routes = 100_000
	same := func(int) string { return "same" }
	numbered := func(i int) string { return fmt.Sprintf("m%d", i) }
	for name, c := range map[string]struct {
		provider, key, model func(i int) string
		asked                func(i int) string // nil: nothing is asked for
		found                int                // -1: MODEL_NOT_FOUND
	}{
		"all":                  {same, numbered, same, nil, routes},
		"keys":                 {same, numbered, same, numbered, routes},
		"upstream names":       {same, same, numbered, numbered, routes},
		"one name, many times": {numbered, same, same, same, routes},
		"providers of a name":  {numbered, same, same, func(i int) string { return numbered(i) + "/same" }, routes},
		"models of a provider": {same, numbered, same, func(i int) string { return "same/" + numbered(i) }, routes},
		"upstream, qualified":  {same, same, numbered, func(i int) string { return "same/" + numbered(i) }, routes},
		"names nobody has":     {same, numbered, same, func(i int) string { return fmt.Sprintf("none%d", i) }, -1},
	} {
		t.Run(name, func(t *testing.T) {
			catalog, models := make([]aggregator.CatalogEntry, routes), []string(nil)
			for i := range catalog {
				catalog[i] = aggregator.CatalogEntry{Provider: c.provider(i), Name: c.key(i), Model: c.model(i)}
				if c.asked != nil {
					models = append(models, c.asked(i))
				}
			}
			begun := time.Now()
			got, err := aggregator.Resolve(catalog, models)
			if c.found < 0 {
				require.Equal(t, llm.ModelNotFound, llm.CodeOfError(err), "%v", err)
			} else {
				require.NoError(t, err)
				require.Len(t, got, c.found)
			}
			// Quadratic resolving takes minutes; linear a fraction of a second.
			require.Less(t, time.Since(begun), 20*time.Second)
		})
	}
}
