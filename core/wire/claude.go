package wire

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
)

// Claude is what of a model's name decides how Claude is asked, by Anthropic or
// on another vendor's cloud: its generation, as in claude-3-5-haiku-20241022,
// claude-opus-4-1 and claude-sonnet-4.5. Other models have none.
type Claude struct {
	claude bool
	major  int
	minor  int
}

// ClaudeOf reads the first number behind "claude-", in which a second may
// follow: a longer number is a date.
func ClaudeOf(name string) (m Claude) {
	_, rest, found := strings.Cut(name, "claude-")
	if !found {
		return m
	}
	words := strings.FieldsFunc(rest, func(c rune) bool { return c == '-' || c == '.' || c == '@' || c == ':' })
	for i, word := range words {
		if len(word) > 1 || !isDigit(word) {
			continue
		}
		m.claude, m.major = true, int(word[0]-'0')
		if i+1 < len(words) && len(words[i+1]) == 1 && isDigit(words[i+1]) {
			m.minor = int(words[i+1][0] - '0')
		}
		break
	}
	return m
}

func isDigit(word string) bool { return word != "" && word[0] >= '0' && word[0] <= '9' }

// since tells whether the model is Claude of that generation, or younger.
func (m Claude) since(major, minor int) bool {
	return m.claude && (m.major > major || m.major == major && m.minor >= minor)
}

// Formats tells whether the model takes a JSON schema for its answer (Anthropic
// API docs, "Structured outputs": from Claude Opus 4.1 and Sonnet 4.5 on).
func (m Claude) Formats() bool { return m.since(4, 1) }

// Thinks tells whether the model can be told to think, and Adapts whether by an
// effort instead of a budget of tokens ("Extended thinking", "Adaptive
// thinking").
func (m Claude) Thinks() bool { return m.since(3, 7) }

// Adapts tells whether the model takes an effort.
func (m Claude) Adapts() bool { return m.since(4, 6) }

// answerTokens is max_tokens, which the API demands, where the caller sets
// none: what the smallest model of the generation can write ("Models
// overview").
func (m Claude) answerTokens() int {
	switch {
	case m.since(3, 7):
		return 32000
	case m.claude && !m.since(3, 5):
		return 4096
	}
	return 8192
}

// Budgets are the tokens of thought that an effort is worth, for models that
// take no effort.
var Budgets = map[string]int{"minimal": 1024, "low": 1024, "medium": 8192, "high": 16384, "xhigh": 24576, "max": 24576}

// NearestEffort is an effort that the model knows: the least one for a smaller
// one, else the greatest. Another one than the request's is noted.
func NearestEffort(c *Call, effort string, known ...string) string {
	if slices.Contains(known, effort) {
		return effort
	}
	became := known[len(known)-1]
	if effort == "minimal" {
		became = known[0]
	}
	c.Adapt("reasoning_effort", effort+" to "+became)
	return became
}

// claudesEffort is [NearestEffort] for Claude (API docs, "Effort": xhigh is
// known from Claude Opus 4.7 on).
func claudesEffort(c *Call, effort string) string {
	if !ClaudeOf(c.Model).since(4, 7) {
		return NearestEffort(c, effort, "low", "medium", "max", "high")
	}
	return NearestEffort(c, effort, "low", "medium", "high", "xhigh", "max")
}

// thinking is how a request of the Messages API says to think.
type thinking struct {
	Type   string `json:"type"`
	Budget int    `json:"budget_tokens"`
}

func thinkingOf(raw json.RawMessage) (t thinking) {
	if IsThere(raw) && llm.JSON.Unmarshal(raw, &t) != nil {
		return thinking{}
	}
	return t
}

// HasThoughts tells whether a "thinking" of the Messages API asks for thoughts.
func HasThoughts(raw json.RawMessage) bool {
	t := thinkingOf(raw)
	return t.Type != "" && t.Type != "disabled"
}

// ThoughtTokens is the budget of a "thinking"; 0 for none.
func ThoughtTokens(raw json.RawMessage) int { return thinkingOf(raw).Budget }

// Thinking is a request's own "thinking" as the model takes it: from Claude 4.7
// on it has no budget of tokens, before 4.6 nothing else ("Adaptive thinking").
// budget is one that stands in it now and did not before.
func Thinking(c *Call, own json.RawMessage) (became json.RawMessage, budget int) {
	m, asked, other := ClaudeOf(c.Model), thinkingOf(own).Type, "adaptive"
	fields := llm.Extra{}
	_ = llm.JSON.Unmarshal(own, &fields) // thinkingOf tells what is none
	switch {
	case asked == "enabled" && m.since(4, 7):
		delete(fields, "budget_tokens")
	case asked == other && m.Thinks() && !m.Adapts():
		other, budget = "enabled", Budgets["medium"]
		fields["budget_tokens"] = llm.JSONOf(budget)
	default:
		return own, 0
	}
	fields["type"] = llm.JSONOf(other)
	c.Adapt("thinking", asked+" to "+other)
	return llm.JSONOf(fields), budget
}

// leastAnswer is the room that max_tokens leaves beside a budget of thought.
const leastAnswer = 1024

// ThoughtsFor is how an effort is said to Claude: by a "thinking", beside which
// the answer has an effort where the model takes one, or a budget, which counts
// against max_tokens. A model that cannot think, or that is hindered at this
// place of the conversation, is told nothing, which is noted.
func ThoughtsFor(c *Call, effort string, hindered bool) (thinking json.RawMessage, said string, budget int) {
	m := ClaudeOf(c.Model)
	budget, known := Budgets[effort]
	switch {
	case effort == "none" && m.Adapts():
		return json.RawMessage(`{"type":"disabled"}`), "", 0
	case !m.Thinks() || !known || hindered:
		c.Adapt("reasoning_effort", LeftOut)
		return nil, "", 0
	case m.Adapts():
		return json.RawMessage(`{"type":"adaptive"}`), claudesEffort(c, effort), 0
	}
	return llm.JSONOf(map[string]any{"type": "enabled", "budget_tokens": budget}), "", budget
}

// RoomFor is max_tokens with room for a budget of thought and an answer. Where
// the caller sets none, it is what the model can write.
func RoomFor(c *Call, r *llm.Request, budget int) int {
	least := 0
	if budget > 0 {
		least = budget + leastAnswer
	}
	name, most := "max_tokens", r.MaxTokens
	if r.MaxCompletionTokens != nil {
		name, most = "max_completion_tokens", r.MaxCompletionTokens
	}
	switch {
	case most == nil:
		return max(least, ClaudeOf(r.Model).answerTokens())
	case *most >= least:
		return *most
	}
	c.Adapt(name, strconv.Itoa(*most)+" to "+strconv.Itoa(least))
	return least
}

// Finish translates a stop reason of Claude and of Converse. A reason that
// OpenAI's shape has no word for stays as it is.
func (t *Telling) Finish(reason string) string {
	switch reason {
	case "end_turn", "stop_sequence":
		return "stop"
	case "refusal", "guardrail_intervened", "content_filtered":
		return "content_filter"
	case "max_tokens", "model_context_window_exceeded":
		return "length"
	case "tool_use":
		if t.SchemaTool != "" && t.Calls == 0 { // which is the answer
			return "stop"
		}
		return "tool_calls"
	}
	return reason
}

// FinishExtra keeps what the finish reason does not say of a stop reason.
func FinishExtra(reason string) (e llm.Extra) {
	switch reason {
	case "", "end_turn", "max_tokens", "tool_use":
	default:
		e.Put("stop_reason", llm.JSONOf(reason))
	}
	return e
}
