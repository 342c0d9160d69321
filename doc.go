// Package llmagg asks language models of many vendors through one API, with
// failover, retries, breakers, limits, and streams that are complete or say
// that they are not:
//
//	llm, err := llmagg.New(llmagg.Models{"openai/gpt-4o-mini", "anthropic/claude-sonnet-5"})
//	text, err := llm.Ask(ctx, "Hello!")
//
// [New] takes [Models], [JSON], a [File], a [Map] or the [Environment]. An
// [Aggregator] makes calls; [Parse] reads answers as Go values, and
// [Aggregator.RunTools] lets models call Go functions. core has the parts.
package llmagg
