package faultwall

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// understand reads what a request asks for. A non-nil step is the answer that
// it gets whatever the script says.
func understand(r *http.Request, body []byte) (*call, *Step) {
	path := r.URL.Path
	c := &call{kind: KindOther, dialect: openAI{}, body: body}
	if strings.Contains(path, "/v1beta") || r.Header.Get("X-Goog-Api-Key") != "" {
		c.dialect = gemini{}
	}
	if r.Header.Get("Anthropic-Version") != "" {
		c.dialect = anthropic{}
	}
	model, method, ok := splitGemini(r.URL)
	if model, stream, ok := splitBedrock(r.URL); ok {
		return c.readBedrock(r, model, stream)
	}
	if refusal, is := c.understandCloud(r); is {
		return c, refusal
	}
	switch {
	case strings.HasSuffix(path, "/v1/messages"):
		c.dialect = anthropic{}
		return c.readOpenAI(r) // the fields that count are the same
	case strings.HasSuffix(path, "/responses"):
		c.dialect = responses{}
		return c.readOpenAI(r)
	case strings.HasSuffix(path, "/chat/completions"):
		c.dialect = openAI{}
		c, refusal := c.readOpenAI(r)
		if refusal == nil && isAzure(r) {
			refusal = c.checkAzure(r)
		}
		return c, refusal
	case strings.HasSuffix(path, "/embeddings"):
		c, refusal := c.readEmbed(r, 2048)
		if refusal == nil && isAzure(r) {
			refusal = c.checkAzure(r)
		}
		return c, refusal
	case strings.HasSuffix(path, "/v2/embed"):
		return c.readEmbed(r, 96)
	case strings.HasSuffix(path, "/rerank"):
		return c.readRerank(r)
	case strings.HasSuffix(path, "/api/embed"):
		c.dialect = ollama{}
		return c.readEmbed(r, 1<<20)
	case strings.HasSuffix(path, ":batchEmbedContents"):
		c.dialect = gemini{}
		return c.readEmbed(r, 100)
	case strings.HasSuffix(path, "/api/chat"):
		return c.readOllama(r)
	case strings.HasSuffix(path, "/api/tags"):
		c.dialect, c.kind = ollama{}, KindHealth
		return c, nil
	case ok:
		return c.readGemini(r, model, method)
	case strings.HasSuffix(path, "/models"):
		c.kind = KindHealth
		if r.Method != http.MethodGet {
			return c, &Step{Status: http.StatusMethodNotAllowed}
		}
		return c, nil
	}
	return c, &Step{Status: http.StatusNotFound, Body: map[string]any{
		"error": map[string]any{"message": "faultwall: unknown path " + path, "type": "invalid_request_error", "code": nil, "param": nil},
	}}
}

func (c *call) readOpenAI(r *http.Request) (*call, *Step) {
	if r.Method != http.MethodPost {
		return c, &Step{Status: http.StatusMethodNotAllowed}
	}
	c.kind = KindChat
	var fields struct {
		Model         any  `json:"model"`
		Stream        any  `json:"stream"`
		N             any  `json:"n"`
		StreamOptions *any `json:"stream_options"`
	}
	if err := json.Unmarshal(c.body, &fields); err != nil {
		return c, &Step{Status: http.StatusBadRequest, Body: map[string]any{
			"error": map[string]any{"message": "We could not parse the JSON body of your request: " + err.Error(), "type": "invalid_request_error", "code": nil, "param": nil},
		}}
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
	return c, nil
}

func (c *call) readGemini(r *http.Request, model, method string) (*call, *Step) {
	c.dialect = gemini{}
	if r.Method != http.MethodPost {
		return c, &Step{Status: http.StatusMethodNotAllowed}
	}
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
		return c, &Step{Status: http.StatusBadRequest}
	}
	if json.Unmarshal(c.body, &fields) == nil {
		if n, ok := fields.Config.Candidates.(float64); ok && n >= 1 && n <= 1024 {
			c.choices = int(n)
		}
	}
	return c, nil
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
