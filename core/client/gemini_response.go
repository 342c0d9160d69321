package client

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/llmagg/llmagg/core/llm"
)

// geminiAnswer is a GenerateContentResponse (Gemini API reference, "Generating
// content"), whole or one event of a stream.
type geminiAnswer struct {
	Candidates     []geminiCandidate `json:"candidates"`
	PromptFeedback *struct {
		BlockReason        string `json:"blockReason"`
		BlockReasonMessage string `json:"blockReasonMessage"`
	} `json:"promptFeedback"`
	UsageMetadata *geminiUsage    `json:"usageMetadata"`
	ModelVersion  string          `json:"modelVersion"`
	ResponseID    string          `json:"responseId"`
	Error         json.RawMessage `json:"error"`
}

type geminiCandidate struct {
	Index   int `json:"index"`
	Content struct {
		Parts []geminiAnswerPart `json:"parts"`
	} `json:"content"`
	FinishReason     string          `json:"finishReason"`
	SafetyRatings    json.RawMessage `json:"safetyRatings"`
	CitationMetadata json.RawMessage `json:"citationMetadata"`
	GroundingMeta    json.RawMessage `json:"groundingMetadata"`
	LogprobsResult   json.RawMessage `json:"logprobsResult"`
	AvgLogprobs      json.RawMessage `json:"avgLogprobs"`
}

// geminiAnswerPart is one piece of an answer.
type geminiAnswerPart struct {
	Text             string      `json:"text"`
	Thought          bool        `json:"thought"`
	ThoughtSignature string      `json:"thoughtSignature"`
	FunctionCall     *geminiCall `json:"functionCall"`
	InlineData       *geminiBlob `json:"inlineData"`
}

type geminiUsage struct {
	Prompt     int `json:"promptTokenCount"`
	Candidates int `json:"candidatesTokenCount"`
	Thoughts   int `json:"thoughtsTokenCount"`
	Cached     int `json:"cachedContentTokenCount"`
	ToolPrompt int `json:"toolUsePromptTokenCount"`
	Total      int `json:"totalTokenCount"`
}

// geminiReader translates the answers of one exchange. A stream's events are
// read by one reader, which numbers the tool calls of each candidate.
type geminiReader struct {
	id      string
	model   string
	created int64
	calls   map[int]int // tool calls so far, by candidate
}

func newGeminiReader(model string) *geminiReader {
	return &geminiReader{model: model, created: time.Now().Unix(), calls: map[int]int{}}
}

// response reads a whole answer.
func (g *geminiReader) response(data []byte) (*llm.Response, error) {
	a, err := g.parse(data)
	if err != nil {
		return nil, err
	}
	if len(a.Candidates) == 0 {
		return nil, llm.Errorf(llm.BadResponse, "the answer has no candidates")
	}
	r := &llm.Response{ID: g.id, Object: "chat.completion", Created: g.created, Model: g.model}
	for i := range a.Candidates {
		c := &a.Candidates[i]
		m, finish := g.message(c)
		for j := range m.ToolCalls {
			m.ToolCalls[j].Index = -1
		}
		m.Role = llm.RoleAssistant
		r.Choices = append(r.Choices, llm.Choice{Index: c.Index, Message: m, FinishReason: finish, Extra: c.extra()})
	}
	if a.UsageMetadata != nil {
		r.Usage = a.UsageMetadata.usage()
	}
	return r, nil
}

// chunk reads one event of a stream.
func (g *geminiReader) chunk(data []byte) (*llm.Chunk, error) {
	a, err := g.parse(data)
	if err != nil {
		return nil, err
	}
	c := &llm.Chunk{ID: g.id, Object: "chat.completion.chunk", Created: g.created, Model: g.model}
	for i := range a.Candidates {
		candidate := &a.Candidates[i]
		m, finish := g.message(candidate)
		m.Role = llm.RoleAssistant
		c.Choices = append(c.Choices, llm.ChunkChoice{Index: candidate.Index, Delta: m, FinishReason: finish, Extra: candidate.extra()})
	}
	if a.UsageMetadata != nil {
		u := a.UsageMetadata.usage()
		c.Usage = &u
	}
	return c, nil
}

// parse reads the JSON and turns a blocked prompt into CONTENT_FILTER.
func (g *geminiReader) parse(data []byte) (*geminiAnswer, error) {
	a := &geminiAnswer{}
	if err := llm.JSON.Unmarshal(data, a); err != nil {
		return nil, llm.Errorf(llm.BadResponse, "the answer is not JSON of a generateContent response (%d bytes)", len(data))
	}
	if f := a.PromptFeedback; f != nil && f.BlockReason != "" && len(a.Candidates) == 0 {
		e := llm.Errorf(llm.ContentFilter, "the prompt was blocked: %s", f.BlockReason)
		e.ProviderCode, e.ProviderMessage = f.BlockReason, f.BlockReasonMessage
		return nil, e
	}
	if a.ResponseID != "" {
		g.id = a.ResponseID
	}
	if g.id == "" {
		g.id = "gemini-" + rand.Text()
	}
	if a.ModelVersion != "" {
		g.model = a.ModelVersion
	}
	return a, nil
}

// message joins a candidate's parts; its finish reason is OpenAI's word.
func (g *geminiReader) message(c *geminiCandidate) (llm.Message, string) {
	m := llm.Message{NullContent: true}
	var text, thoughts strings.Builder
	for i := range c.Content.Parts {
		p := &c.Content.Parts[i]
		switch {
		case p.FunctionCall != nil:
			m.ToolCalls = append(m.ToolCalls, g.call(c.Index, p))
		case p.Thought:
			thoughts.WriteString(p.Text)
		case p.InlineData != nil:
			m.Parts = append(m.Parts, llm.Image("data:"+p.InlineData.MIMEType+";base64,"+p.InlineData.Data))
		default:
			m.NullContent = false
			text.WriteString(p.Text)
		}
	}
	m.Content, m.ReasoningContent = text.String(), thoughts.String()
	if m.Parts != nil && m.Content != "" {
		m.Parts = append([]llm.Part{llm.Text(m.Content)}, m.Parts...)
		m.Content = ""
	}
	return m, geminiFinish(c.FinishReason, g.calls[c.Index] > 0)
}

func (g *geminiReader) call(candidate int, p *geminiAnswerPart) llm.ToolCall {
	f := p.FunctionCall
	n := g.calls[candidate]
	g.calls[candidate] = n + 1
	call := llm.ToolCall{Index: n, ID: f.ID, Type: "function",
		Function: llm.FunctionCall{Name: f.Name, Arguments: string(f.Args)}}
	if call.ID == "" {
		call.ID = fmt.Sprintf("call_%s_%d_%d", g.id, candidate, n)
	}
	if call.Function.Arguments == "" {
		call.Function.Arguments = "{}"
	}
	if p.ThoughtSignature != "" {
		call.Extra = geminiSigned(p.ThoughtSignature)
	}
	return call
}

// geminiFinish translates a finish reason; an unknown one is kept in lower
// case.
func geminiFinish(reason string, called bool) string {
	switch reason {
	case "", "FINISH_REASON_UNSPECIFIED":
		return ""
	case "STOP":
		if called {
			return "tool_calls"
		}
		return "stop"
	case "MAX_TOKENS":
		return "length"
	case "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "LANGUAGE":
		return "content_filter"
	}
	return strings.ToLower(reason)
}

// extra keeps what OpenAI's shape has no place for, under Gemini's names.
func (c *geminiCandidate) extra() llm.Extra {
	e := llm.Extra{}
	for name, raw := range map[string]json.RawMessage{"safetyRatings": c.SafetyRatings, "citationMetadata": c.CitationMetadata,
		"groundingMetadata": c.GroundingMeta, "logprobsResult": c.LogprobsResult, "avgLogprobs": c.AvgLogprobs} {
		if len(raw) > 0 && raw[0] != 'n' {
			e[name] = raw
		}
	}
	if c.FinishReason != "" && c.FinishReason != "STOP" {
		e["finishReason"] = geminiRaw(c.FinishReason, nil)
	}
	if len(e) == 0 {
		return nil
	}
	return e
}

// usage counts thoughts as completion tokens, as OpenAI counts reasoning.
func (u *geminiUsage) usage() llm.Usage {
	r := llm.Usage{PromptTokens: u.Prompt + u.ToolPrompt, CompletionTokens: u.Candidates + u.Thoughts, TotalTokens: u.Total}
	if r.TotalTokens == 0 {
		r.TotalTokens = r.PromptTokens + r.CompletionTokens
	}
	if u.Cached > 0 {
		r.PromptTokensDetails = json.RawMessage(fmt.Sprintf(`{"cached_tokens":%d}`, u.Cached))
	}
	if u.Thoughts > 0 {
		r.CompletionTokensDetails = json.RawMessage(fmt.Sprintf(`{"reasoning_tokens":%d}`, u.Thoughts))
	}
	return r
}

// geminiExtraContent is where Google's own OpenAI-compatible endpoint puts the
// signature of a call (Gemini API, "Thought signatures", OpenAI
// compatibility): it must come back with the call.
type geminiExtraContent struct {
	Google struct {
		ThoughtSignature string `json:"thought_signature"`
	} `json:"google"`
}

func geminiSigned(signature string) llm.Extra {
	var c geminiExtraContent
	c.Google.ThoughtSignature = signature
	return llm.Extra{"extra_content": geminiRaw(&c, nil)}
}

// geminiSignature finds the signature that came with a call, "" without one.
func geminiSignature(e llm.Extra) string {
	var c geminiExtraContent
	if raw := e["extra_content"]; len(raw) == 0 || llm.JSON.Unmarshal(raw, &c) != nil {
		return ""
	}
	return c.Google.ThoughtSignature
}
