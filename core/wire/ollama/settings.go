package ollama

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// settings writes everything of a body but its messages.
type settings struct {
	*wire.Call
	request *llm.Request
	body    *requestBody
}

// ownFields are fields of the API that requests may carry as they are.
var ownFields = []string{"keep_alive", "truncate", "shift"}

// readFields are those that settings reads.
var readFields = []string{"options", "think", "format"}

// optionFields are the options of a model that requests may carry beside their
// other fields (Ollama's documentation, "Modelfile", PARAMETER).
var optionFields = []string{"num_ctx", "num_keep", "num_predict", "num_batch", "num_gpu", "main_gpu", "num_thread", "use_mmap", "numa", "top_k", "min_p", "typical_p",
	"tfs_z", "repeat_last_n", "repeat_penalty", "mirostat", "mirostat_tau", "mirostat_eta", "penalize_newline"}

func (s *settings) fill() error {
	r, b := s.request, s.body
	if err := s.tools(); err != nil {
		return err
	}
	if err := s.format(); err != nil {
		return err
	}
	if err := s.options(); err != nil {
		return err
	}
	s.think()
	b.Logprobs, b.TopLogprobs, b.own = r.Logprobs, r.TopLogprobs, r.Extra
	s.Lacks(r, "logit_bias", "user", "metadata", "parallel_tool_calls")
	s.LacksOthers(r.Extra, ownFields, readFields, optionFields)
	return nil
}

// options are the model's: those of chat completions under Ollama's names,
// those that only Ollama has, and the caller's own "options", which count most.
func (s *settings) options() error {
	r, options := s.request, llm.Extra{}
	number := func(name string, n *float64) {
		if n != nil {
			options[name] = strconv.AppendFloat(nil, *n, 'g', -1, 64)
		}
	}
	number("temperature", r.Temperature)
	number("top_p", r.TopP)
	number("presence_penalty", r.PresencePenalty)
	number("frequency_penalty", r.FrequencyPenalty)
	if r.Seed != nil {
		options["seed"] = strconv.AppendInt(nil, *r.Seed, 10)
	}
	if most := cmp.Or(r.MaxCompletionTokens, r.MaxTokens); most != nil {
		options["num_predict"] = strconv.AppendInt(nil, int64(*most), 10)
	}
	if len(r.Stop) > 0 {
		options["stop"] = llm.JSONOf([]string(r.Stop))
	}
	for _, name := range optionFields {
		if raw := r.Extra[name]; wire.IsThere(raw) {
			options[name] = raw
		}
	}
	if own := r.Extra["options"]; wire.IsThere(own) {
		var fields llm.Extra
		if llm.JSON.Unmarshal(own, &fields) != nil {
			return llm.Errorf(llm.BadRequest, "options is not a JSON object; expected {\"num_ctx\": …}")
		}
		maps.Copy(options, fields)
	}
	s.body.Options = options
	return nil
}

// think translates reasoning_effort, unless the request says itself how to
// think.
func (s *settings) think() {
	if own := s.request.Extra["think"]; wire.IsThere(own) {
		s.body.Think = own
		return
	}
	effort := s.request.ReasoningEffort
	switch _, known := wire.Budgets[effort]; {
	case effort == "none":
		s.body.Think = json.RawMessage("false")
	case known:
		s.body.Think = llm.JSONOf(wire.NearestEffort(s.Call, effort, "low", "medium", "high"))
	default:
		s.Lacks(s.request, "reasoning_effort")
	}
}

// format translates response_format: "json", or the schema itself.
func (s *settings) format() error {
	if own := s.request.Extra["format"]; wire.IsThere(own) {
		s.body.Format = own
		return nil
	}
	schema, asked, err := wire.FormatOf(s.request.ResponseFormat)
	if schema != nil {
		s.body.Format = schema.Schema
	} else if asked {
		s.body.Format = json.RawMessage(`"json"`)
	}
	return err
}

// tools translates tools and functions. Ollama cannot be told to call one: a
// choice leaves only the tools that it allows.
func (s *settings) tools() error {
	allowed, none, err := s.allowed()
	if err != nil || none {
		return err
	}
	add := func(f *llm.Function) {
		if len(allowed) == 0 || slices.Contains(allowed, f.Name) {
			s.body.Tools = append(s.body.Tools, llm.JSONOf(llm.Tool{Type: "function", Function: f}))
		}
	}
	for i := range s.request.Tools {
		t := &s.request.Tools[i]
		if !wire.IsFunction(t) {
			return wire.Unsupported("tools[%d] has the type %q; Ollama takes functions", i, t.Type)
		}
		add(t.Function)
	}
	for i := range s.request.Functions {
		add(&s.request.Functions[i])
	}
	return nil
}

// allowed reads tool_choice, or the old function_call: the names of the tools
// that may be called, all where there are none, or none of them.
func (s *settings) allowed() (names []string, none bool, err error) {
	if len(s.request.Tools)+len(s.request.Functions) == 0 {
		return nil, false, nil
	}
	c, err := wire.ChoiceOf(s.request)
	switch {
	case c == nil:
		return nil, false, err
	case c.Name != "" || c.Allowed != nil && c.Word != "auto":
		s.Adapt(c.Field, "auto among the named tools")
	case c.Word == "required", c.Word == "any":
		s.Adapt(c.Field, c.Word+" to auto")
	}
	if c.Name != "" {
		return []string{c.Name}, false, nil
	}
	return c.Allowed, c.Word == "none", nil
}
