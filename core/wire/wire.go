// Package wire says what a vendor's wire format is: a [Format] writes a request
// and reads its answer, whole or as a [Stream] of events; it does no I/O. What
// all formats share stands here too, as the table of how streams end ([Ending])
// and how URLs are made of a base URL ([Root]). A format has a package of its
// own below this one and imports nothing of the project but core/llm,
// core/failure and this package.
package wire

import (
	"net/http"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
)

// Format is a vendor's wire format at one base URL, with one key. It is safe
// for concurrent use.
type Format interface {
	// URL of a model's endpoint, for whole or streamed answers.
	URL(model string, stream bool) string
	// Models is the URL of the list of models, for health checks.
	Models() string
	// Authorize puts the key where the vendor wants it.
	Authorize(h http.Header)
	// Body appends the JSON to post.
	Body(dst []byte, c *Call) ([]byte, error)
	// Suspects lists what the request of c holds though its caller did not
	// send it: what is left out where a server refuses it.
	Suspects(c *Call) []Suspect
	// Response reads a whole answer, which is valid UTF-8.
	Response(data []byte, c *Call) (*llm.Response, error)
	// Stream makes the reader of one streamed answer.
	Stream(c *Call) Stream
	// Ending is how streams end.
	Ending() *Ending
}

// Stream reads the events of one streamed answer. One goroutine uses it.
type Stream interface {
	// Chunk reads an event, of which kind is the type, "" for none. A chunk
	// that is nil without an error is an event that holds no piece of the
	// answer. BAD_RESPONSE says that this event cannot be read, any other code
	// is the answer's failure.
	Chunk(kind string, data []byte) (*llm.Chunk, error)
	// Complete tells whether the format has said, by an event that was read,
	// that nothing more belongs to the answer.
	Complete() bool
}

// Holder is a [Stream] that may hold a piece back until the next one tells what
// it is.
type Holder interface {
	// Held gives the piece, nil for none, where no further event comes.
	Held() *llm.Chunk
}

// Marker is a [Stream] whose format has a mark of its own in the place of
// OpenAI's [DONE].
type Marker interface {
	// Mark is the mark that has not come yet, as servers call it; "" where the
	// format has none.
	Mark() string
}

// Accepter is a [Format] whose streams are no event streams.
type Accepter interface {
	// Accept is the media type that is asked for.
	Accept() string
}

// Lines is the media type of streams that are one JSON object a line. What an
// [Accepter] of it sends in answer to a request for a stream is read so.
const Lines = "application/x-ndjson"

// Adviser is a [Format] that knows what to do about failures of its servers.
type Adviser interface {
	// Advice says what to set, and where, after the failure e of a request; ""
	// where it knows nothing.
	Advice(e *llm.Error, c *Call) string
}

// MaxChoices is how many choices an answer may have; no request may ask for
// more.
const MaxChoices = 128

// New makes a format for one base URL and key.
type New func(o Options) Format

// Options are what a format is made of.
type Options struct {
	At  Root
	Key string
	// Owner is the name of the vendor whose own server this is, "" for any other
	// server.
	Owner string
	// Quirks of the vendor's chat completions; nil for none.
	Quirks *Quirks
	// StreamUsage says that the vendor is asked for usage in streams.
	StreamUsage bool
	// EmbedTexts is how many texts one request for vectors takes, where that
	// is not what the format's own vendor takes.
	EmbedTexts int
	// Others is whose ways requests follow that are no chats, where these are not
	// OpenAI's and Cohere's shape for all: [Cohere], [Voyage], [Jina],
	// [DashScope] or [NVIDIA].
	Others string
}

// Authorize sends the key as a bearer token. Formats that send it elsewhere
// have a method of their own.
func (o *Options) Authorize(h http.Header) {
	if o.Key != "" {
		h.Set("Authorization", "Bearer "+o.Key)
	}
}

// Models is where most vendors list their models, likewise.
func (o *Options) Models() string { return o.At.With("/models", "") }

// The values of Options.Others.
const (
	Cohere    = "cohere"
	Voyage    = "voyage"
	Jina      = "jina"
	DashScope = "dashscope"
	NVIDIA    = "nvidia"
)

// Call is one request as its format sees it.
type Call struct {
	Payload *llm.Payload
	Model   string   // upstream name
	Stream  bool     // the answer is to be streamed
	Usage   bool     // ask for usage in the stream, if the vendor can; Body says whether it did
	Added   bool     // told by Body: it holds what the format adds to such requests
	Omit    []string // names of suspects that the request leaves out

	// Told by Body.
	Left    []string // suspects, and parts of other vendors' answers, that the request leaves out
	Adapted []string // parameters that the vendor cannot do, and what became of each: see Adapt
}

// Leave notes a part of another answer, or a suspect, that the request leaves
// out.
func (c *Call) Leave(name string) {
	if !slices.Contains(c.Left, name) {
		c.Left = append(c.Left, name)
	}
}

// Suspect is something in a request that its caller did not send, or that only
// answers have.
type Suspect struct {
	Name    string   // as the trail has it
	Words   []string // any of which a refusal of it may say, as PlainWord writes them
	History bool     // of another answer; else an addition of the core
	Named   bool     // it is left out only where a refusal names it
}

// thoughts are words by which vendors call a model's thoughts.
var thoughts = []string{"reasoning", "thinking", "thought", "extracontent", "redacted"}

// WordsFor are the words of a refusal of the named field: its last part, and
// for thoughts what vendors say of them.
func WordsFor(name string) []string {
	last := name[strings.LastIndexAny(name, ".[")+1:]
	last = PlainWord(strings.TrimSuffix(last, "]"))
	if slices.ContainsFunc(thoughts, func(word string) bool { return strings.Contains(last, word) }) {
		return []string{last, "reasoning", "thinking", "thought", "thoughts", "signature", "thoughtsignature"}
	}
	return []string{last}
}

// PlainWord makes camelCase and snake_case one.
func PlainWord(name string) string {
	return strings.ToLower(strings.ReplaceAll(name, "_", ""))
}

// Root is a base_url as requests use it: the root of an API, and a query that
// stands behind every path (Azure's api-version).
type Root struct{ root, query string }

// RootOf reads a base URL.
func RootOf(base string) Root {
	root, query, _ := strings.Cut(base, "?")
	return Root{root, query}
}

// Cohere is the root of Cohere's own API, next to its OpenAI-compatible one.
func (a Root) Cohere() Root {
	root := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(a.root, "/v2"), "/v1"), "/compatibility")
	return Root{root + "/v2", a.query}
}

// Reranks is the root of DashScope's API for rankings, next to that for chats.
func (a Root) Reranks() Root {
	return Root{strings.Replace(a.root, "/compatible-mode/", "/compatible-api/", 1), a.query}
}

// Ranking is the URL for rankings in NVIDIA's shape. At NVIDIA each model has
// its own URL; other servers have one URL for all models. NVIDIA's address for
// chats has no rankings, hence "": the key goes to the configured origin only
// (L3).
func (a Root) Ranking(model string) string {
	switch a.root {
	case "https://integrate.api.nvidia.com/v1":
		return ""
	case "https://ai.api.nvidia.com/v1":
		return a.With("/retrieval/"+strings.ReplaceAll(model, ".", "_")+"/reranking", "")
	}
	return a.With("/ranking", "")
}

// Below is the root that ends with path, which a base URL may lack.
func (a Root) Below(path string) Root {
	return Root{strings.TrimSuffix(a.root, path) + path, a.query}
}

// With is the URL of a path of the API; more is a query of its own.
func (a Root) With(path, more string) string {
	query := a.query
	if query != "" && more != "" {
		query += "&"
	}
	if query += more; query != "" {
		query = "?" + query
	}
	return a.root + path + query
}
