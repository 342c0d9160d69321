package gemini

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// reader translates the answers of one exchange: GenerateContentResponse
// objects (Gemini API reference, "Generating content"), one for a whole answer
// or one for each event of a stream. A Gemini stream has no [DONE]; it ends
// with a finish reason on each candidate (S2).
//
// Fields without a place in OpenAI's shape stay under Gemini's names: of the
// answer in Extra, of a candidate in its choice's Extra. One reader is for one
// goroutine.
type reader struct {
	id         string
	model      string
	created    int64  // seconds since the Unix epoch
	named      bool   // the event at hand has an id
	owner      string // of what is kept of the answer
	callID     string // what the ids of tool calls begin with
	ended      bool   // a finish reason has come
	counted    []byte // the last usageMetadata before that
	done       bool   // [DONE] has come
	candidates []*candidate
	placeless  wire.Placeless

	top   fields // of the event at hand, and its candidates
	found []found

	room struct { // for what nearly all answers have
		candidate candidate
		found     [1]found
		parts     [1]answerPart
		fields    [2][8]jsontext.Field
	}
}

// candidate is what a reader remembers of a candidate.
type candidate struct {
	index  int
	ended  bool              // a finish reason has come
	calls  int               // tool calls so far
	awaits bool              // the last one came without arguments
	images []json.RawMessage // so far, as image_url parts
	others []json.RawMessage // parts that OpenAI's shape does not know, so far
	kept   wire.Kept         // see kept.go
}

// maxKeptParts bounds a candidate's images and unknown parts: each event that
// brings an image repeats those before it.
const maxKeptParts = 256

// newReader makes a reader; model is the answer's where it names none.
func newReader(model string) *reader {
	g := &reader{model: model, created: time.Now().Unix()}
	g.top.found.List, g.room.found[0].found.List = g.room.fields[0][:0], g.room.fields[1][:0]
	g.found, g.room.found[0].parts = g.room.found[:0], g.room.parts[:0]
	return g
}

// response reads a whole answer. A blocked prompt is CONTENT_FILTER, anything
// without candidates BAD_RESPONSE.
func (g *reader) response(data []byte) (*llm.Response, error) {
	if err := g.parse(data); err != nil {
		return nil, err
	}
	if inside := g.inside(); inside != nil {
		return g.response(inside)
	}
	if len(g.found) == 0 {
		return nil, llm.Errorf(llm.BadResponse, "the answer has no candidates")
	}
	of := &struct {
		llm.Response
		choice [1]llm.Choice
	}{}
	r := &of.Response
	r.ID, r.Object, r.Created, r.Model, r.Choices = g.id, "chat.completion", g.created, g.model, of.choice[:0]
	for i := range g.found {
		var choice llm.ChunkChoice
		if err := g.choice(&choice, i); err != nil {
			return nil, err
		}
		for j := range choice.Delta.ToolCalls {
			choice.Delta.ToolCalls[j].Index = -1
		}
		choice.Delta.Content = strings.ToValidUTF8(choice.Delta.Content, "\uFFFD")
		choice.Delta.ReasoningContent = strings.ToValidUTF8(choice.Delta.ReasoningContent, "\uFFFD")
		r.Choices = append(r.Choices, llm.Choice{Index: choice.Index, Message: choice.Delta,
			FinishReason: choice.FinishReason, Logprobs: choice.Logprobs, Extra: choice.Extra})
	}
	r.Usage = readUsage(g.usage())
	r.Extra = g.top.rest()
	return r, nil
}

// Chunk implements [wire.Stream]. BAD_RESPONSE says that this event cannot be
// read (S4), CONTENT_FILTER that the prompt was blocked. Gemini counts tokens
// in every event; the count is passed on from the first finish reason on, which
// need not be the last.
func (g *reader) Chunk(kind string, data []byte) (*llm.Chunk, error) {
	if wire.IsDone(data) {
		g.done = true
		return nil, nil
	}
	if err := g.parse(data); err != nil {
		return nil, err
	}
	if inside := g.inside(); inside != nil {
		return g.Chunk(kind, inside)
	}
	c := wire.NewChunk(g.id, g.model, g.created)
	switch n := len(g.found); n {
	case 0:
		c.Choices = nil
	case 1:
	default:
		c.Choices = make([]llm.ChunkChoice, n)
	}
	for i := range c.Choices {
		if err := g.choice(&c.Choices[i], i); err != nil {
			return nil, err
		}
		g.ended = g.ended || c.Choices[i].FinishReason != ""
	}
	g.count(c)
	if c.Extra = g.top.rest(); len(g.found) == 0 && !g.named { // it may be anything
		c.ID = ""
	}
	if err := g.placeless.Find(c, data, g.ended); err != nil {
		return nil, err
	}
	return c, nil
}

// parse reads the outer object and takes out what every answer has.
func (g *reader) parse(data []byte) error {
	odd, err := g.scan(data)
	if odd { // what is passed on is for strict readers
		_, err = g.scan(jsontext.WithoutOddNumbers(data))
	}
	if err != nil {
		return llm.Errorf(llm.BadResponse, "the answer is not a JSON object of generateContent (%d bytes): %v", len(data), err)
	}
	top := &g.top
	if e := g.blocked(); e != nil {
		return e
	}
	g.number()
	id := top.text("responseId", g.id)
	g.id, g.named = cmp.Or(id, g.id), id != ""
	if g.id == "" {
		g.id = "gemini-" + rand.Text()
	}
	if model := top.text("modelVersion", g.model); g.owner == "" || model != "" && model != g.model {
		g.model = cmp.Or(model, g.model)
		g.owner = owner + "/" + g.model
	}
	if raw := top.see("createTime"); raw != nil {
		r := readerOf(raw, top.dirty)
		if at, err := time.Parse(time.RFC3339, r.Text()); err == nil {
			g.created = at.Unix()
		}
	}
	return nil
}

// number gives the candidates of an event their indexes. 0 may be left out.
func (g *reader) number() {
	numbers := make([]int, len(g.found))
	for i := range g.found {
		f := &g.found[i]
		numbers[i] = -1
		if raw := f.take("index"); raw != nil {
			r := readerOf(raw, f.dirty)
			numbers[i] = r.Index(-1)
		}
	}
	llm.Numbers(numbers)
	for i, n := range numbers {
		g.found[i].index = n
	}
}

// candidate finds what is remembered of a candidate.
func (g *reader) candidate(index int) *candidate {
	for _, c := range g.candidates {
		if c.index == index {
			return c
		}
	}
	c := &g.room.candidate
	if len(g.candidates) > 0 {
		c = &candidate{}
	}
	c.index = index
	g.candidates = append(g.candidates, c)
	return c
}

// choice translates the candidate at the given place among those of its
// answer: an index of 0 may be left out.
func (g *reader) choice(choice *llm.ChunkChoice, place int) error {
	f := &g.found[place]
	beside, err := f.answerParts()
	if err != nil {
		return llm.Errorf(llm.BadResponse, "candidates[%d].content cannot be read: %v", place, err)
	}
	choice.Index = f.index
	c := g.candidate(choice.Index)
	choice.Logprobs = logprobsOf(f.take("logprobsResult"))
	if err = g.message(&choice.Delta, c, f.parts); err != nil {
		return err
	}
	reason := f.word("finishReason", reasons[:])
	choice.FinishReason = finishReason(reason, c.calls > 0)
	choice.Extra = f.rest()
	wire.Rest(&choice.Extra, "content", beside)
	if choice.FinishReason == "" {
		return nil
	}
	c.ended = true
	wire.Rest(&choice.Delta.Extra, llm.PartsField, c.kept.Field())
	if reason != "STOP" && reason != "MAX_TOKENS" {
		wire.Rest(&choice.Extra, "finishReason", llm.JSONOf(reason))
	}
	return nil
}

// message joins parts. Images, which OpenAI's shape has no place for in an
// answer, go to "images" as image_url parts, and what is unknown to
// "gemini_parts"; in a stream each of these lists holds all that came so far,
// so that [llm.Accumulator] takes none of two equal parts for a repetition. The
// signature of a part that is no call goes to the message's
// "extra_content" as Google's endpoint for OpenAI's format has it, and all
// signatures and what is unknown to its "parts" (kept.go).
func (g *reader) message(m *llm.Message, c *candidate, parts []answerPart) error {
	m.Role, m.NullContent = llm.RoleAssistant, true
	var room [2][2]llm.Piece
	content, reasoning := room[0][:0], room[1][:0] // a server may send very many parts
	signature := ""
	images, others := len(c.images), len(c.others)
	c.kept.Owner = g.owner
	for i := range parts {
		p := &parts[i]
		if p.ThoughtSignature != "" && p.FunctionCall == nil {
			signature = p.ThoughtSignature
		}
		beside := p.FunctionCall != nil || p.InlineData != nil
		switch sign := signatureRaw(p.ThoughtSignature); {
		case !p.HasText, beside && p.Text == "": // servers write what a part has not as empty
		case p.Thought:
			reasoning = append(reasoning, p.Text)
			c.kept.Say("thinking", len(p.Text), sign)
		default:
			m.NullContent = false
			content = append(content, p.Text)
			c.kept.Say("text", len(p.Text), sign)
		}
		if p.FunctionCall != nil && !c.goesOn(m, p.FunctionCall) {
			call := g.call(c, p)
			c.awaits = len(call.Function.Arguments) <= len("{}")
			m.ToolCalls = append(m.ToolCalls, call)
			c.kept.Keep(llm.AnswerPart{Type: "tool_call", ID: call.ID}, signatureRaw(p.ThoughtSignature))
		}
		switch {
		case p.InlineData != nil:
			c.images = append(c.images, llm.JSONOf(llm.Image("data:"+p.InlineData.MIMEType+";base64,"+p.InlineData.Data)))
			c.kept.Media(llm.AnswerPart{Type: "image"}, signatureRaw(p.ThoughtSignature))
		case p.HasText, p.FunctionCall != nil:
		case !bare(p.raw):
			raw := validCopy(p.raw)
			c.others = append(c.others, raw)
			c.kept.Keep(llm.AnswerPart{Type: "other"}, raw)
		case p.ThoughtSignature != "": // streams may end with one
			c.kept.Keep(llm.AnswerPart{Type: "text"}, signatureRaw(p.ThoughtSignature))
		}
		if len(c.images)+len(c.others) > maxKeptParts {
			return llm.Errorf(llm.BadResponse, "candidate %d has more than %d images and unknown parts", c.index, maxKeptParts)
		}
	}
	m.Content, m.ReasoningContent = llm.JoinPieces(content), llm.JoinPieces(reasoning)
	switch {
	case signature != "":
		m.Extra = signatureExtra(signature)
	case len(c.images) > images || len(c.others) > others:
		m.Extra = llm.Extra{}
	}
	if len(c.images) > images {
		m.Extra["images"] = llm.JSONOf(c.images)
	}
	if len(c.others) > others { // a first token, too
		m.Extra["gemini_parts"] = llm.JSONOf(c.others)
	}
	return nil
}

// bare tells whether a part has no content, but at most a signature:
// streams may end with one.
func bare(part json.RawMessage) bool {
	var fields llm.Extra
	if llm.JSON.Unmarshal(part, &fields) != nil {
		return true
	}
	delete(fields, "thought")
	delete(fields, "thoughtSignature")
	delete(fields, "thought_signature")
	return len(fields) == 0
}

// call translates a function call. Gemini sends its arguments in one piece,
// and before its third generation no id; one is made up then, unlike those of
// other answers and short enough to go to other providers (OpenAI takes 40
// characters).
func (g *reader) call(c *candidate, p *answerPart) llm.ToolCall {
	f := p.FunctionCall
	f.unquote()
	call := llm.ToolCall{Index: c.calls, ID: strings.ToValidUTF8(f.ID, "\uFFFD"), Type: "function", Function: llm.FunctionCall{
		Name: strings.ToValidUTF8(f.Name, "\uFFFD"), Arguments: strings.ToValidUTF8(wire.ArgumentsOf(f.Args), "\uFFFD")}}
	c.calls++
	if call.ID == "" {
		if g.callID == "" {
			h := fnv.New64a()
			h.Write([]byte(g.id))
			g.callID = "call_" + strconv.FormatUint(h.Sum64(), 36)
		}
		call.ID = g.callID + "_" + strconv.Itoa(c.index) + "_" + strconv.Itoa(call.Index)
	}
	if p.ThoughtSignature != "" {
		call.Extra = signatureExtra(p.ThoughtSignature)
	}
	return call
}

// extraContent is where Google's own OpenAI-compatible endpoint puts the
// signature of a call (Gemini API, "Thought signatures", OpenAI
// compatibility): it must come back with the call.
type extraContent struct {
	Google struct {
		ThoughtSignature string `json:"thought_signature"`
	} `json:"google"`
}

func signatureExtra(signature string) llm.Extra {
	var c extraContent
	c.Google.ThoughtSignature = signature
	return llm.Extra{"extra_content": llm.JSONOf(&c)}
}

// signatureOf finds the signature that came with a call, "" without one.
func signatureOf(e llm.Extra) string {
	var c extraContent
	if raw := e["extra_content"]; len(raw) == 0 || llm.JSON.Unmarshal(raw, &c) != nil {
		return ""
	}
	return c.Google.ThoughtSignature
}
