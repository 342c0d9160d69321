// Package openai is the format of OpenAI's chat completions (OpenAI API
// reference, "Create chat completion"), as OpenAI, DeepSeek and many others
// speak them. It is the shape that core/llm has, so little is translated.
package openai

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// format is the format at one base URL.
type format struct{ wire.Options }

// New makes the format; it is a [wire.New].
func New(o wire.Options) wire.Format { return &format{o} }

// URL implements [wire.Format], as the methods below do.
func (w *format) URL(string, bool) string { return w.At.With("/chat/completions", "") }

func (w *format) Body(dst []byte, c *wire.Call) ([]byte, error) {
	asked := c.Payload.WantsUsage()
	usage := c.Stream && (asked || c.Usage && w.StreamUsage)
	add := usage && !asked
	c.Usage, c.Added, c.Left = usage, add || !c.Stream, nil
	p, err := w.fitting(c)
	if err == nil {
		err = p.NotChat()
	}
	if err != nil {
		return nil, err
	}
	omit := w.foreign(c)
	if len(omit) == 0 && !p.HasParts() {
		return p.AppendBody(dst, c.Model, c.Stream, add), nil
	}
	p = follow(c, p)
	quirks := c.Left
	dst, c.Left = p.AppendPared(dst, c.Model, c.Stream, add, omit)
	c.Left = append(c.Left, quirks...)
	c.Usage = usage && !slices.Contains(c.Left, llm.OmitStreamOptions)
	return dst, nil
}

// googles are the names of what Google's own endpoint of this format puts into
// answers: signatures that nobody else can read.
var googles = []string{"messages.extra_content", "messages.tool_calls.extra_content"}

// foreign lists what the request leaves out: what the server refused, and at
// the servers of other vendors than Google, what is Google's. A server that
// nobody knows gets back what it may have sent itself; what Gemini's own format
// gave, only models get that may be Gemini's.
func (w *format) foreign(c *wire.Call) []string {
	switch {
	case !c.Payload.Mentions(`"extra_content"`): // Google's
	case w.notGoogle():
		return slices.Concat(c.Omit, googles)
	case w.Owner == "" && !strings.Contains(c.Model, "gemini"):
		return append(slices.Clip(c.Omit), llm.OmitSignatures)
	}
	return c.Omit
}

func (w *format) notGoogle() bool { return w.Owner != "" && w.Owner != "gemini" && w.Owner != "vertex" }

// Suspects are the core's own additions and what only answers have.
func (w *format) Suspects(c *wire.Call) (s []wire.Suspect) {
	switch {
	case !c.Stream:
		s = append(s, wire.Suspect{Name: llm.OmitStream, Words: []string{"stream"}})
	case c.Added:
		s = append(s, wire.Suspect{Name: llm.OmitStreamOptions, Words: []string{"streamoptions", "includeusage"}})
	}
	if w.Quirks != nil {
		if name := w.Quirks.Adds[0]; name != "" && c.Payload.Field(name) == nil {
			s = append(s, wire.Suspect{Name: name, Words: wire.WordsFor(name)})
		}
	}
	for _, name := range c.Payload.Foreign() {
		if w.notGoogle() && slices.Contains(googles, name) {
			continue
		}
		s = append(s, wire.Suspect{Name: name, Words: wire.WordsFor(name), History: true})
	}
	return append(s, w.suspects(c)...)
}

func (w *format) Response(data []byte, c *wire.Call) (*llm.Response, error) {
	r, err := llm.ReadResponse(data)
	if err != nil {
		return nil, llm.Errorf(llm.BadResponse, "the answer is not the JSON of a chat completion (%d bytes): %v", len(data), err)
	}
	if len(r.Choices) == 0 {
		outer := r
		if r = unwrapped(outer); r == nil {
			return nil, llm.Errorf(llm.BadResponse, "the answer has no choices, as chat completions have%s", failure.FieldsOf(outer.Extra))
		}
	}
	r.Object = cmp.Or(r.Object, "chat.completion")
	findReasons(r)
	if isSingle(c) {
		r.JoinCalls()
	}
	return r, nil
}

// isSingle tells whether one choice was asked for.
func isSingle(c *wire.Call) bool { return c != nil && c.Payload != nil && c.Payload.N <= 1 }

func (w *format) Ending() *wire.Ending { return &wire.WholeOrBroken }

func (w *format) Stream(c *wire.Call) wire.Stream {
	return &stream{single: isSingle(c)}
}

// stream reads chunks up to [DONE].
type stream struct {
	decoder llm.ChunkDecoder
	ends    ends
	numbers numbers
	done    bool
	single  bool // one choice was asked for

	placeless wire.Placeless
}

// Chunk implements [wire.Stream].
func (s *stream) Chunk(name string, data []byte) (*llm.Chunk, error) {
	if wire.IsDone(data) {
		s.done = true
		return nil, nil
	}
	c, err := s.decoder.Decode(data)
	if err != nil {
		return nil, err
	}
	if c.Object == "" {
		c.Object = "chat.completion.chunk"
	}
	if s.single && len(c.Choices) > 0 {
		if c, err = s.numbers.take(c); c == nil {
			return nil, err
		}
	}
	s.ends.find(c, data)
	if len(c.Choices) == 0 && len(c.Extra) > 0 {
		if inside := wrappedIn(c.Extra); inside != nil {
			return s.wrapped(name, inside, c)
		}
	}
	if err := s.placeless.Find(c, data, s.ends.all()); err != nil {
		return nil, err
	}
	s.done = len(c.Choices) == 0 && isEndEvent(name)
	return c, nil
}

// Held implements [wire.Holder]: a piece that waited for one that has not come
// is one of the only choice that was asked for.
func (s *stream) Held() *llm.Chunk {
	c := s.numbers.held
	if s.numbers.held = nil; c != nil {
		s.numbers.counts = true
		c.Choices[0].Index = 0
		s.ends.find(c, nil)
	}
	return c
}

// Complete implements [wire.Stream].
func (s *stream) Complete() bool { return s.done }

// Azure OpenAI uses OpenAI's format but its own addresses (Azure OpenAI
// reference, "Data plane inference"; "v1 API"). Under /openai/v1, the field
// model of the body names the deployment; under /openai/deployments, the path
// names it. The results of Azure's content filter are in fields that core/llm
// passes on.

// deployments is the end of a base URL to which each request appends the name
// of its deployment.
const deployments = "/deployments"

// azure is the format at a base URL that core/vendor has completed.
type azure struct {
	format
	models   wire.Root // the root of the list of models
	perModel bool      // each request adds the deployment to the path; the base URL has none
}

// NewAzure makes Azure's format; it is a [wire.New].
func NewAzure(o wire.Options) wire.Format {
	w := &azure{format: format{o}, models: o.At}
	base, query, _ := strings.Cut(o.At.With("", ""), "?")
	if at := strings.Index(base, "/openai"+deployments); at >= 0 {
		w.models = wire.RootOf(base[:at] + "/openai?" + query)
		w.perModel = strings.HasSuffix(base, deployments)
	}
	return w
}

// URL implements [wire.Format], as the methods below do.
func (w *azure) URL(model string, _ bool) string {
	path := "/chat/completions"
	if w.perModel {
		path = "/" + url.PathEscape(model) + path
	}
	return w.At.With(path, "")
}

func (w *azure) Models() string { return w.models.With("/models", "") }

func (w *azure) Authorize(h http.Header) {
	if w.Key != "" {
		h.Set("Api-Key", w.Key)
	}
}

// Advice implements [wire.Adviser].
func (w *azure) Advice(e *llm.Error, c *wire.Call) string {
	switch {
	case e.ProviderCode == "DeploymentNotFound" && (w.perModel || w.models == w.At):
		return "the request names the deployment " + shown.Name(c.Model) + "; set \"deployment\" to a name that the Azure portal lists under Deployments"
	case e.ProviderCode == "DeploymentNotFound":
		return "set base_url to the address of a deployment that the Azure portal lists under Deployments"
	case e.Status == http.StatusNotFound && w.models != w.At:
		return "check that the deployment exists and that \"api_version\" supports it"
	}
	return ""
}
