package faultwall

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
)

// paths says for each end of a path what reads the request and which dialect
// answers; nil means the one that the headers have.
var paths = []struct {
	end     string
	dialect dialect
	read    func(*call, *http.Request) *Step
}{
	{"/v1/messages", anthropic{}, (*call).readOpenAI}, // the fields that count are the same
	{"/responses", responses{}, (*call).readOpenAI},
	{"/chat/completions", openAI{}, orAzure((*call).readOpenAI)},
	{"/embeddings", nil, orAzure(embeds(2048))},
	{"/v2/embed", nil, embeds(96)},
	{"/rerank", nil, (*call).readRerank},
	{"/reranks", nil, (*call).readRerank},
	{"/ranking", nil, (*call).readRerank},
	{"/api/embed", ollama{}, embeds(1 << 20)},
	{":batchEmbedContents", gemini{}, embeds(100)},
	{"/api/chat", nil, (*call).readOllama},
	{"/api/tags", ollama{}, func(c *call, _ *http.Request) *Step { c.kind = KindHealth; return nil }},
}

// orAzure lets Azure refuse what read has understood.
func orAzure(read func(*call, *http.Request) *Step) func(*call, *http.Request) *Step {
	return func(c *call, r *http.Request) *Step {
		refusal := read(c, r)
		if refusal == nil && isAzure(r) {
			refusal = c.checkAzure(r)
		}
		return refusal
	}
}

func embeds(most int) func(*call, *http.Request) *Step {
	return func(c *call, r *http.Request) *Step { return c.readEmbed(r, most) }
}

// understand reads what a request asks for. A non-nil step is the answer that
// it gets whatever the script says.
func understand(r *http.Request, body []byte) (*call, *Step) {
	c := &call{kind: KindOther, dialect: openAI{}, body: body}
	refusal := c.understand(r)
	if c.kind == KindChat && r.Method != http.MethodPost {
		c.kind, refusal = KindOther, &Step{Status: http.StatusMethodNotAllowed}
	}
	return c, refusal
}

func (c *call) understand(r *http.Request) *Step {
	path := r.URL.Path
	if strings.Contains(path, "/v1beta") || r.Header.Get("X-Goog-Api-Key") != "" {
		c.dialect = gemini{}
	}
	if r.Header.Get("Anthropic-Version") != "" {
		c.dialect = anthropic{}
	}
	for _, method := range []string{"converse", "converse-stream"} {
		if model, ok := modelBefore(r.URL, method); ok {
			return c.readBedrock(model, method == "converse-stream")
		}
	}
	if model, ok := modelBefore(r.URL, "invoke"); ok {
		return c.readInvoke(model)
	}
	if refusal, is := c.understandVertex(r); is {
		return refusal
	}
	if slices.Contains(belowVersion, path) {
		return unknown(r)
	}
	for i := range paths {
		if p := &paths[i]; strings.HasSuffix(path, p.end) {
			if p.dialect != nil {
				c.dialect = p.dialect
			}
			return p.read(c, r)
		}
	}
	if model, method, ok := splitGemini(r.URL); ok {
		return c.readGemini(r, model, method)
	}
	if strings.HasSuffix(path, "/models") {
		c.kind = KindHealth
		if r.Method != http.MethodGet {
			return &Step{Status: http.StatusMethodNotAllowed}
		}
		return nil
	}
	return unknown(r)
}

// belowVersion are paths of OpenAI's API that it has below /v1 only: a client
// whose base URL lacks that finds out here, too.
var belowVersion = []string{"/chat/completions", "/responses", "/embeddings", "/models"}

func unknown(r *http.Request) *Step {
	return &Step{Status: http.StatusNotFound, Body: object(
		"error", object("message", "Invalid URL ("+r.Method+" "+r.URL.Path+")", "type", "invalid_request_error", "code", nil, "param", nil),
	)}
}

func (c *call) readOpenAI(*http.Request) *Step {
	c.kind = KindChat
	var fields struct {
		Model         any  `json:"model"`
		Stream        any  `json:"stream"`
		N             any  `json:"n"`
		StreamOptions *any `json:"stream_options"`
	}
	if err := llm.JSON.Unmarshal(c.body, &fields); err != nil {
		return &Step{Status: http.StatusBadRequest, Body: object(
			"error", object("message", "We could not parse the JSON body of your request: "+err.Error(), "type", "invalid_request_error", "code", nil, "param", nil),
		)}
	}
	c.model, _ = fields.Model.(string)
	c.stream, _ = fields.Stream.(bool)
	if n, ok := fields.N.(float64); ok && n >= 1 && n <= 1024 {
		c.choices = int(n)
	}
	if fields.StreamOptions != nil {
		if options, ok := (*fields.StreamOptions).(map[string]any); ok {
			c.includeUsage, _ = options["include_usage"].(bool)
		}
	}
	return nil
}

func (c *call) readGemini(r *http.Request, model, method string) *Step {
	c.dialect = gemini{}
	c.kind, c.model = KindChat, model
	c.stream = method == "streamGenerateContent"
	c.array = c.stream && r.URL.Query().Get("alt") != "sse"
	c.includeUsage = true
	var fields struct {
		Config struct {
			Candidates any `json:"candidateCount"`
		} `json:"generationConfig"`
	}
	if !json.Valid(c.body) {
		return &Step{Status: http.StatusBadRequest}
	}
	if llm.JSON.Unmarshal(c.body, &fields) == nil {
		if n, ok := fields.Config.Candidates.(float64); ok && n >= 1 && n <= 1024 {
			c.choices = int(n)
		}
	}
	return nil
}

// splitGemini splits …/models/MODEL:METHOD.
func splitGemini(u *url.URL) (model, method string, ok bool) {
	const before = "/models/"
	at := strings.LastIndex(u.Path, before)
	if at < 0 {
		return "", "", false
	}
	model, method, ok = strings.Cut(u.Path[at+len(before):], ":")
	return model, method, ok && (method == "generateContent" || method == "streamGenerateContent")
}

// keyOf returns the key that a request carries.
func keyOf(r *http.Request) string {
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return bearer
	}
	if id := awsKey(r); id != "" {
		return id
	}
	for _, name := range []string{"X-Goog-Api-Key", "X-Api-Key", "Api-Key"} {
		if key := r.Header.Get(name); key != "" {
			return key
		}
	}
	return r.URL.Query().Get("key")
}

// describeRequest is the part of SeenRequest that is known on arrival.
func (w *Wall) describeRequest(r *http.Request, c *call) SeenRequest {
	seen := SeenRequest{
		Kind: c.kind, Model: c.model, Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Proto: r.Proto,
		Host: r.Host, Headers: flatHeaders(r.Header), BodyBytes: len(c.body), Stream: c.stream,
	}
	switch {
	case w.options.MaxBodyBytes < 0 || len(c.body) == 0:
	case len(c.body) <= w.options.MaxBodyBytes && json.Valid(c.body):
		seen.Body = c.body
	default:
		seen.BodyText = strings.ToValidUTF8(string(c.body[:min(len(c.body), w.options.MaxBodyBytes)]), "\uFFFD")
	}
	return seen
}
