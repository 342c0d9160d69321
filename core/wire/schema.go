package wire

import "github.com/llmagg/llmagg/core/llm"

// A vendor that takes no JSON schema for its answers is asked in the best of
// the ways that it has, and the attempt's "adapted" says which: a tool that the
// model has to call, whose input is then the answer (ByTool), its JSON mode
// with the schema in the prompt (ByJSONMode), or the prompt alone (ByPrompt).
const (
	ByTool     = "forced tool"
	ByJSONMode = "JSON mode with the schema in the prompt"
	ByPrompt   = "in the prompt"
)

// JSONPrompt asks a model in words for an answer in JSON, which has to follow
// the schema where there is one. Vendors' JSON modes want the word JSON in the
// prompt.
func JSONPrompt(s *llm.JSONSchema) string {
	const alone = "Answer with one JSON object and nothing else."
	if s == nil || !isThere(s.Schema) {
		return alone
	}
	return "Answer with one JSON value that follows this JSON schema, and nothing else: no explanation, no code fence.\n" + string(s.Schema)
}
