package exchange

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/internal/wordlist"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// What a model can do, no table knows of all models, but its server says it:
// one has no temperature, another answers in streams only. So if a server
// refuses a parameter that tunes an answer, by its name and as one that it
// lacks, the parameter is left out (T6); and a server that answers in one way
// only is asked in that way, and its answer read in the other (T2). The route
// remembers it, as what is left out by pared.go.

// tuning are the parameters that tune an answer. With any of them left out the
// answer is still one to the same question.
const tuning wordlist.List = `temperature top_p top_k min_p presence_penalty frequency_penalty repetition_penalty logit_bias seed top_logprobs
reasoning_effort verbosity parallel_tool_calls service_tier store metadata prediction prompt_cache_key safety_identifier`

// alsoSaid are other words by which servers call some of them, where they say
// none by its name: a model that reasons may lack another parameter.
var alsoSaid = map[string][]string{
	"presence_penalty":   {"penalty"},
	"frequency_penalty":  {"penalty"},
	"repetition_penalty": {"penalty"},
	"reasoning_effort":   {"reasoning", "thinking"},
}

// Models of OpenAI's, from GPT-5.4 on, think beside no functions in chat
// completions: "Function tools with reasoning_effort are not supported for
// gpt-5.6 in /v1/chat/completions. To use function tools, use /v1/responses or
// set reasoning_effort to 'none'." Unset is an effort, too.
const (
	effort      = "reasoning_effort"
	toolEffort  = "tools.reasoning_effort"
	toolEfforts = "tools with reasoning_effort"
)

// The limit of an answer is never left out; the server is told it by the other
// of its two names.
const (
	limit     = "max_tokens"
	longLimit = "max_completion_tokens"
)

// The names of the ways in which a server does not answer.
const (
	noWhole       = "stream: false"
	noStream      = "stream: true"
	noToolStreams = "stream: true with tools"
)

// ways are the words of servers that answer in one way only. They are asked in
// this order.
var ways = [...]struct {
	name  string
	words []string
}{
	{noToolStreams, []string{"tools with stream", "tool use in streaming mode", "tools in streaming"}},
	{noStream, []string{"'stream' does not support true", "verified to stream", "unsupported for streaming", "streaming is not supported", "streaming not supported",
		"not support streaming", "unsupported stream mode"}},
	{noWhole, []string{"support stream mode", "supports stream mode", "supports streaming only", "enable the stream param", "for non-streaming", "非流式", "when `stream=false`",
		"streaming is required", "stream must be true", "set stream to true"}},
}

// asksStream tells whether the answer is asked for as a stream, as its caller
// wants it unless the server does not answer so, and the name of the way that
// is left out then.
func (x *Exchange) asksStream(want bool) (stream bool, left string) {
	for i := range ways {
		name := ways[i].name
		if want == (name != noWhole) && x.omits(name) && (name != noToolStreams || hasTools(x.Payload)) {
			return !want, name
		}
	}
	return want, ""
}

// body is the request in the server's format, as a stream where it is asked for
// so, without what the server lacks.
func (u *Upstream) body(x *Exchange, want bool) ([]byte, error) {
	whole := x.Payload
	var left string
	x.Stream, left = x.asksStream(want)
	x.Usage = x.Usage || x.Stream && !want // whole answers say it unasked
	var gone []string
	for _, name := range x.Omit {
		if tunes(name) && whole.Field(name) != nil {
			gone = append(gone, name)
			x.Payload = x.Payload.Without(name, otherLimit(name))
		}
	}
	beside := x.omits(toolEffort) && hasTools(whole) && string(whole.Field(effort)) != `"none"`
	if beside {
		x.Payload = x.Payload.With(llm.Extra{effort: json.RawMessage(`"none"`)})
	}
	body, err := u.Format.Body(make([]byte, 0, len(x.Payload.JSON())+len(x.Model)+bodyRoom), &x.Call)
	x.Payload = whole
	for _, name := range gone {
		if x.Leave(name); otherLimit(name) == "" {
			x.Adapt(name, wire.LeftOut)
		}
	}
	if beside {
		x.Leave(toolEffort)
		x.Adapt(effort, "none beside tools")
	}
	if left != "" {
		x.Leave(left)
	}
	return body, err
}

// hasTools tells whether a request offers functions, under either name.
func hasTools(p *llm.Payload) bool { return p.Field("tools") != nil || p.Field("functions") != nil }

// tunes tells whether a parameter may be left out, or said by another name.
//
//go:noinline
func tunes(name string) bool { return tuning.Has(name) || otherLimit(name) != "" }

// otherLimit is the other name of the limit, "" for what is none.
//
//go:noinline
func otherLimit(name string) string {
	switch name {
	case limit:
		return longLimit
	case longLimit:
		return limit
	}
	return ""
}

// lacking and wrong are words of refusals: of what the server does not have,
// and of a value that it would take otherwise, which is its caller's to change.
var (
	lacking = []string{"unsupported", "not support", "unrecogni", "unknown", "unexpected", "not permitted", "not allowed", "not enabled", "deprecated", "cannot both", "only allowed when", "不支持", "未知"}
	wrong   = []string{"must ", "should ", "between", "range", "at most", "at least", "less than", "greater than", "supported values", "one of", "exceed", "maximum", "minimum", "范围", "必须"}
)

// tune tells whether to ask the server again, after a refusal e in the words
// said: in the other way, or without a parameter that it lacks.
func (u *Upstream) tune(x *Exchange, e *llm.Error, said words) (found bool) {
	if e.Code != llm.BadRequest {
		return false
	}
	text := strings.ToLower(e.ProviderMessage + " " + e.Body) // a body may be written in \u escapes
	for i := range ways {
		if w := &ways[i]; x.Stream == (w.name != noWhole) && wordlist.AnyIn(text, w.words) {
			if u.forget(x, isWay) { // the server has changed its way
				return true
			}
			return x.leaves(w.name)
		}
	}
	if head, _, lists := strings.Cut(text, "expected one of"); lists && strings.Contains(head, "unknown field") { // serde's; what it knows is not refused
		text, said = head, words{}
		said.text(head)
	}
	if x.Strict || !wordlist.AnyIn(text, lacking) || wordlist.AnyIn(text, wrong) {
		return false
	}
	if strings.Contains(text, toolEfforts) {
		return hasTools(x.Payload) && x.leaves(toolEffort)
	}
	only := strings.Contains(text, "cannot both")
	leave := func(isMeant func(name string) bool) {
		x.Payload.Names(func(name string) bool {
			if isMeant(name) && tunes(name) && x.Payload.Field(name) != nil && !x.omits(otherLimit(name)) && x.leaves(name) {
				found = true
			}
			return found && only
		})
	}
	if leave(func(name string) bool { return said[wire.PlainWord(name)] }); !found {
		leave(func(name string) bool { return said.any(alsoSaid[name]) })
	}
	return found
}

// forget puts back what the route leaves out as a habit, where it is wanted.
func (u *Upstream) forget(x *Exchange, is func(name string) bool) bool {
	var wanted []string
	for _, name := range x.Left {
		if x.again == 0 && x.omits(name) && is(name) {
			wanted = append(wanted, name)
		}
	}
	if len(wanted) == 0 {
		return false
	}
	without := func(names []string) []string {
		return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(wanted, n) })
	}
	x.Omit = without(x.Omit)
	u.memoryOf(x).change(without)
	return true
}

func isWay(name string) bool { return strings.HasPrefix(name, "stream: ") }

// leaves adds a name to what the request leaves out, and tells whether it is
// new there.
//
//go:noinline
func (x *Exchange) leaves(name string) bool {
	if x.omits(name) {
		return false
	}
	x.Omit = append(slices.Clip(x.Omit), name)
	return true
}

//go:noinline
func (x *Exchange) omits(name string) bool { return slices.Contains(x.Omit, name) }
