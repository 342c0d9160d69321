// Package llmagg asks language models of many vendors through one API, and
// stays reliable when a vendor does not: failover, retries, breakers, limits,
// streams that are complete or say that they are not.
//
//	llm, err := llmagg.New(llmagg.Models{"openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5"})
//	…
//	text, err := llm.Ask(ctx, "Hello!")
//
// [New] takes a configuration: [Models] with keys from the environment, [JSON],
// a [File], a [Map], or the [Environment]. [Aggregator] makes calls; [Parse]
// reads answers as Go values, [Aggregator.RunTools] lets models call Go
// functions. The packages in core have the parts.
package llmagg
