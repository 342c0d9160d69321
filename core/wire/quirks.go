package wire

// Quirks are how a vendor's chat completions differ from OpenAI's: data of its
// row in core/vendor. The zero value says that they do not.
type Quirks struct {
	// Lacks names the parameters that tune an answer and that the vendor does
	// not have: they are left out.
	Lacks []string
	// Shape is what gives an answer its shape and the vendor does not have.
	Shape Shape
	// OnlyMaxTokens says that max_tokens is the only name of that limit.
	OnlyMaxTokens bool
	// Renames are fields that have other names there: "seed:random_seed".
	Renames string
	// Choice are words of tool_choice that are others there: "required:any"
	// where another means the same, "required>auto" where none does; "tool"
	// stands for a choice that names a tool.
	Choice string
	// Clamps are the bounds of numbers.
	Clamps []Bounds
	// ToolIDs is how many letters and digits the id of a call has to have; 0 for
	// ids of any form.
	ToolIDs int
	// Adds is a field with its value that the request gets unless it has it.
	Adds [2]string
	// Effort is how reasoning_effort is said.
	Effort Effort
	// Schema is how a JSON schema is asked for: "" by the schema itself,
	// [ByJSONMode] or [ByPrompt]; with [BySchema] JSON mode is asked for by one.
	Schema string
	// EveryThought is the reasoning_content, as JSON, of those answers that lack
	// one, where calls are in the history and each answer in it needs its
	// thoughts; "" where none does.
	EveryThought string
	// WholeTools says that each function needs the type and the properties of
	// its parameters.
	WholeTools bool
	// Turns is what the vendor demands of the order of messages.
	Turns Order
}

// Bounds are the least and the most that a vendor takes for a number.
type Bounds struct {
	Field       string
	Least, Most float64
}

// Order is a set of demands.
type Order uint8

// The demands: the instructions are one message, the first; no two messages in
// a row have the same role; each answer says or calls something; instructions
// stand in what the user says.
const (
	OneSystem Order = 1 << iota
	Alternate
	Filled
	NoSystem
)

// OmitSystem names the instructions of a request, which a server refuses that
// knows none: they stand in what the user says then.
const OmitSystem = "messages.role (system)"

// Effort is a way in which vendors are told how much to think.
type Effort string

// The ways: as OpenAI has it, by "thinking": {"type"} beside the effort or
// alone, by "enable_thinking" and "thinking_budget", not at all.
const (
	EffortPlain    Effort = ""
	EffortSwitched Effort = "thinking and reasoning_effort"
	EffortSwitch   Effort = "thinking"
	EffortBudget   Effort = "enable_thinking"
	EffortNone     Effort = "none"
)
