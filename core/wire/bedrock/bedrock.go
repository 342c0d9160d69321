// Package bedrock is the Converse API of Amazon Bedrock: the translation
// between OpenAI's chat completions, the shape that the whole library speaks,
// and Converse. It does no I/O; core/wire/awsstream decodes the stream's
// messages, core/credential signs the requests. The wire names are those of the
// API reference ("Converse", "ConverseStream"). A request goes through
// request.go, content.go, tools.go, settings.go and kept.go, an answer through
// response.go, stream.go, read.go, pieces.go and usage.go.
package bedrock

import (
	"net/url"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// format is the Converse API at one base URL.
type format struct{ wire.Options }

// New makes the format; it is a [wire.New].
func New(o wire.Options) wire.Format { return &format{o} }

// URL implements [wire.Format], as the methods below do. A model's id may hold
// colons and slashes (an ARN's), which the path has escaped.
func (w *format) URL(model string, stream bool) string {
	method := "/converse"
	if stream {
		method = "/converse-stream"
	}
	return w.At.With("/model/"+escaped(model)+method, "")
}

// escaped escapes a segment as AWS's own SDKs do.
func escaped(segment string) string {
	return strings.ReplaceAll(url.QueryEscape(segment), "+", "%20")
}

// Models is a path that the endpoint of models does not have: its 404 shows
// that it is alive.
func (w *format) Models() string { return w.At.With("/", "") }

// Accept implements [wire.Accepter].
func (w *format) Accept() string { return "application/vnd.amazon.eventstream, application/json" }

func (w *format) Body(dst []byte, c *wire.Call) ([]byte, error) {
	r, body, err := wire.BodyOf(c, bodyOf)
	if err != nil {
		return nil, err
	}
	return wire.WriteBody(dst, body, "Bedrock", r.Extra, ownFields)
}

// Suspects are thoughts of another answer, whose signatures are bound to the
// model that made them, its blocks that only some models take, marks for a
// cache that not every model has, and native schemas.
func (w *format) Suspects(c *wire.Call) (suspects []wire.Suspect) {
	r, err := c.Payload.Request()
	if err != nil {
		return nil
	}
	suspects = wire.NativeSchemas(c)
	if wire.HasKept(c, owner, wire.IsThought) {
		suspects = append(suspects, wire.Suspect{Name: wire.OmitThoughts, Words: []string{"reasoning", "reasoningcontent", "thinking", "signature"}, History: true})
	}
	if wire.HasKept(c, owner, isOther) {
		suspects = append(suspects, wire.Suspect{Name: omitOthers, Words: []string{"tooluse", "toolresult"}, History: true})
	}
	if slices.ContainsFunc(r.Messages, func(m llm.Message) bool { return wire.IsInstruction(&m) }) {
		suspects = append(suspects, wire.Suspect{Name: wire.OmitSystem, Words: []string{"system"}, Named: true})
	}
	marked := false
	if wire.CacheMarks(c, r, func(llm.Extra, string) { marked = true }); marked {
		suspects = append(suspects, wire.Suspect{Name: omitCache, Words: []string{"cachepoint", "cache", "caching"}, History: true})
	}
	return suspects
}

// Ending is strict: only metadata, which follows messageStop, ends an answer
// (API reference, "ConverseStream").
func (w *format) Ending() *wire.Ending { return &wire.MarkedOrBroken }

func (w *format) Stream(c *wire.Call) wire.Stream {
	return newStream(c)
}

// Advice implements [wire.Adviser].
func (w *format) Advice(e *llm.Error, c *wire.Call) string {
	kind := suggest.Fold(e.Type + " " + e.ProviderCode)
	said := strings.ToLower(e.ProviderMessage)
	switch {
	case e.Status == 400 && strings.Contains(said, "on-demand throughput"):
		return "set \"model\" to an inference profile, such as " + shown.Name("us."+c.Model)
	case e.Status == 400 && strings.Contains(said, "model identifier is invalid"):
		return "model ids differ by region: set \"model\" to one that the Bedrock console lists for the configured \"region\""
	case strings.Contains(kind, "accessdenied"):
		return "allow the key's role bedrock:InvokeModel and bedrock:InvokeModelWithResponseStream, and enable the model in the Bedrock console of the configured \"region\""
	case strings.Contains(kind, "expiredtoken"), strings.Contains(kind, "unrecognizedclient"):
		return "set a key that is valid in this region: \"api_key\" or AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for temporary keys, AWS_SESSION_TOKEN"
	}
	return ""
}
