package vendor

import "github.com/llmagg/llmagg/core/wire"

// The quirks of presets, as their vendors' API references tell them.

// oldLimit is of vendors that know the older name of the limit only.
var oldLimit = wire.Quirks{OnlyMaxTokens: true}

var (
	qwenQuirks = wire.Quirks{Lacks: []string{"logit_bias"}, OnlyMaxTokens: true, Choice: "required>auto", Effort: wire.EffortBudget}

	moonshotQuirks = wire.Quirks{Choice: "required>auto", Clamps: []wire.Bounds{{Field: "temperature", Least: 0, Most: 1}}, Effort: wire.EffortSwitch,
		EveryThought: `" "`, Turns: wire.Filled}

	zhipuQuirks = wire.Quirks{Lacks: []string{"seed", "presence_penalty", "frequency_penalty", "logit_bias", "top_logprobs", "parallel_tool_calls"},
		OnlyMaxTokens: true, Renames: "user:user_id", Choice: "required>auto tool>auto",
		Clamps: []wire.Bounds{{Field: "temperature", Least: 0, Most: 1}, {Field: "top_p", Least: 0.01, Most: 1}},
		Shape:  wire.Choices | wire.Logprobs, Effort: wire.EffortSwitch, Schema: wire.ByJSONMode}

	arkQuirks = wire.Quirks{Effort: wire.EffortSwitch}

	minimaxQuirks = wire.Quirks{Clamps: []wire.Bounds{{Field: "temperature", Least: 0.01, Most: 1}}, Adds: [2]string{"reasoning_split", "true"},
		Turns: wire.OneSystem, WholeTools: true}

	siliconflowQuirks = wire.Quirks{OnlyMaxTokens: true, Effort: wire.EffortBudget}

	groqQuirks = wire.Quirks{Lacks: []string{"logit_bias", "top_logprobs"}, Shape: wire.Choices | wire.Logprobs}

	mistralQuirks = wire.Quirks{Lacks: []string{"user", "logit_bias", "top_logprobs"}, OnlyMaxTokens: true, Renames: "seed:random_seed",
		Choice: "required:any", ToolIDs: 9, Shape: wire.Logprobs}

	cerebrasQuirks = wire.Quirks{Lacks: []string{"presence_penalty", "frequency_penalty", "logit_bias"}}

	perplexityQuirks = wire.Quirks{Shape: wire.Tools, Turns: wire.OneSystem | wire.Alternate}

	cohereQuirks = wire.Quirks{Lacks: []string{"logit_bias", "top_logprobs", "metadata", "parallel_tool_calls", "store", "service_tier", "prediction"},
		Shape: wire.Choices | wire.Spoken}

	lmstudioQuirks = wire.Quirks{Schema: wire.BySchema}
)
