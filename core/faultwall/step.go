package faultwall

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/llmagg/llmagg/core/llm"
)

// Step is the behaviour of one request. The zero Step is a healthy answer, in
// the wire format of the request, streamed if the request asks for it. Fields
// combine freely except where they say otherwise. Times are in seconds, sizes
// in bytes.
type Step struct {
	// Times repeats the step for so many requests. 0 and 1: once.
	Times int `json:"times,omitempty"`

	// Status is the HTTP status; 0 is 200 (with Redirect: 307). A status of 400
	// or more without Body gets an error body as the vendor writes it.
	Status int `json:"status,omitempty"`
	// Headers are added to the answer; they replace the wall's own of the same
	// name. An empty list (in JSON: null) leaves that header out. In a value
	// {{date+N}} is the HTTP date N seconds from now, rounded up to a whole
	// second ({{date}}: now), and {{url}} the wall's URL.
	Headers Headers `json:"headers,omitempty"`
	// HeaderBytes adds X-Filler headers of so many bytes in all.
	HeaderBytes int `json:"header_bytes,omitempty"`

	// Body is the whole body, instead of a healthy answer, stream or not: a
	// string is sent as it is, any other value as JSON. Its Content-Type is
	// application/json unless Headers say otherwise.
	Body any `json:"body,omitempty"`
	// BodyB64 is Body for bytes that are not text; base64 in JSON.
	BodyB64 []byte `json:"body_b64,omitempty"`
	// RepeatBytes makes a healthy answer whose body has exactly so many bytes
	// (but at least what an empty answer needs), produced while it is sent. A
	// stream is then made of events of 64 KiB.
	RepeatBytes int64 `json:"repeat_bytes,omitempty"`
	// Forever makes an answer that never ends: a stream goes on with deltas
	// (one each DelayEventS), a plain answer with text. It stops when the
	// client goes away, or at Options.ForeverS or ForeverBytes by breaking off.
	Forever bool `json:"forever,omitempty"`
	// Redirect answers with this Location and no content. {{url}} is the
	// wall's.
	Redirect string `json:"redirect,omitempty"`
	// Raw is everything that is sent, status line included, as it is. The
	// connection is closed afterwards unless KeepAlive is set to true.
	Raw string `json:"raw,omitempty"`
	// RawB64 is Raw for bytes that are not text; base64 in JSON.
	RawB64 []byte `json:"raw_b64,omitempty"`

	// Model is the model named in the answer. Empty: the request's.
	Model string `json:"model,omitempty"`
	// Text is the content of the answer. Nil: none if there are ToolCalls or a
	// Refusal; else "Hello from MODEL.", or, to a request with a JSON schema or
	// a tool that it names, a value that fits.
	Text *string `json:"text,omitempty"`
	// TextBytes makes a Text of so many bytes (ASCII).
	TextBytes int `json:"text_bytes,omitempty"`
	// Echo makes the request's body the text.
	Echo bool `json:"echo,omitempty"`
	// Reasoning is the reasoning_content before the text (Gemini: a thought).
	Reasoning string `json:"reasoning,omitempty"`
	// Refusal is OpenAI's refusal.
	Refusal string `json:"refusal,omitempty"`
	// ToolCalls are calls of functions.
	ToolCalls []ToolCall `json:"tool_calls,omitempty"`
	// Interleave streams the arguments of several tool calls in turn instead of
	// one call after the other.
	Interleave bool `json:"interleave,omitempty"`
	// FinishReason is OpenAI's word (translated for Gemini: stop, length,
	// content_filter, tool_calls; others are sent as they are). Empty: stop, or
	// tool_calls if there are any.
	FinishReason string `json:"finish_reason,omitempty"`
	// Usage is the usage in OpenAI's shape (renamed for Gemini). Nil: 9 prompt
	// tokens and one completion token for each word. JSON null: left out.
	Usage json.RawMessage `json:"usage,omitempty"`
	// Choices is the number of choices. 0: the request's n.
	Choices int `json:"choices,omitempty"`
	// Extra are fields added to the answer's object and to each chunk.
	Extra map[string]json.RawMessage `json:"extra,omitempty"`

	// Events are the whole event stream: nothing is added to it ([DONE] only if
	// Done is set to true). Sent even if the request asks for no stream.
	Events []Event `json:"events,omitempty"`
	// Chunks is the number of deltas that the text is split into, at most its
	// characters. 0: one for each word.
	Chunks int `json:"chunks,omitempty"`
	// ChunkChars is the number of characters in each delta. 0: see Chunks.
	ChunkChars int `json:"chunk_chars,omitempty"`
	// Done set to false leaves out data: [DONE]. With Events, true adds it.
	Done *bool `json:"done,omitempty"`
	// NoFinish leaves out the finish reason, in a stream its whole chunk.
	NoFinish bool `json:"no_finish,omitempty"`
	// UsageChunk says where a stream's usage is: UsageOwn, UsageFinish,
	// UsageEmptyDelta or UsageNone. Empty: UsageOwn if the request asks for it.
	UsageChunk string `json:"usage_chunk,omitempty"`
	// Newline ends the lines of the event stream: "lf" (the default), "crlf",
	// "cr".
	Newline string `json:"newline,omitempty"`
	// BOM begins the body with a byte order mark.
	BOM bool `json:"bom,omitempty"`
	// MultiLine writes each event's JSON indented, over several data lines.
	MultiLine bool `json:"multi_line,omitempty"`
	// NoSpace leaves out the space after the colon of "data: ".
	NoSpace bool `json:"no_space,omitempty"`
	// CommentEveryS sends a ": keep-alive" comment so often while a stream
	// waits after its headers.
	CommentEveryS float64 `json:"comment_every_s,omitempty"`

	// Hold waits, before the headers, until Wall.Release is called with this
	// name.
	Hold string `json:"hold,omitempty"`
	// DelayHeadersS is the wait before the status line.
	DelayHeadersS float64 `json:"delay_headers_s,omitempty"`
	// DelayBodyS is the wait between the headers and the first byte of the
	// body.
	DelayBodyS float64 `json:"delay_body_s,omitempty"`
	// DelayEventS is the wait between two events.
	DelayEventS float64 `json:"delay_event_s,omitempty"`
	// DripHeadersS sends the status line and headers byte by byte, with this
	// wait between two bytes.
	DripHeadersS float64 `json:"drip_headers_s,omitempty"`
	// DripBodyS sends the body byte by byte (or in pieces of SplitBytes), with
	// this wait between two of them.
	DripBodyS float64 `json:"drip_body_s,omitempty"`

	// SplitBytes sends the body in pieces of so many bytes, each written by
	// itself.
	SplitBytes int `json:"split_bytes,omitempty"`
	// FlushEvery hands events to the network so many at a time. 0: each by
	// itself.
	FlushEvery int `json:"flush_every,omitempty"`
	// Gzip compresses the body, whether the client accepts it or not.
	Gzip bool `json:"gzip,omitempty"`
	// ContentLength is a false Content-Length; the connection is closed after
	// the body if the body is shorter.
	ContentLength *int64 `json:"content_length,omitempty"`
	// Framing delimits the body: "length" (default of plain answers), "chunked"
	// (default of streams) or "close" (by the end of the connection).
	Framing string `json:"framing,omitempty"`
	// Cut breaks the answer off. Nil: it is whole.
	Cut *Cut `json:"cut,omitempty"`
	// KeepAlive set to false sends Connection: close and closes after the
	// answer.
	KeepAlive *bool `json:"keep_alive,omitempty"`
	// CloseNext closes the connection, without a byte, when its next request
	// has arrived: a stale kept-alive connection. That request uses no step.
	CloseNext bool `json:"close_next,omitempty"`
	// CloseIdleS closes the connection when it was idle for so long after this
	// answer. 0: never.
	CloseIdleS float64 `json:"close_idle_s,omitempty"`
}

// Values of Step.UsageChunk.
const (
	UsageOwn        = "own"         // a chunk without choices after the finish chunk
	UsageFinish     = "finish"      // on the finish chunk
	UsageEmptyDelta = "empty_delta" // a chunk with an empty delta after the finish chunk
	UsageNone       = "none"        // nowhere
)

// Cut breaks an answer off. The place is At, or after so many events or bytes
// of the body; none given is AfterHeaders (with Raw: after all bytes). An
// answer that ends before the place is reached stays whole; a plain answer is
// one event.
type Cut struct {
	// How the answer is cut; see the constants. Required.
	How string `json:"how"`
	// At is BeforeHeaders or AfterHeaders.
	At string `json:"at,omitempty"`
	// AfterEvents counts events (comments and raw ones too) that are sent
	// whole.
	AfterEvents *int `json:"after_events,omitempty"`
	// AfterBytes counts bytes of the body, as compressed (with Raw: all bytes).
	AfterBytes *int64 `json:"after_bytes,omitempty"`
}

// Values of Cut.How.
const (
	CutClean    = "clean"     // HTTP ends correctly (last chunk, correct Content-Length); only the content is incomplete
	CutClose    = "close"     // the connection is closed (FIN) before HTTP's end of the body
	CutMidChunk = "mid_chunk" // the connection is closed inside of a chunk
	CutReset    = "reset"     // the connection is reset (RST)
	CutSilence  = "silence"   // nothing more is sent; the connection stays open until the client leaves
	// Over HTTP/2, and not in the wall of the C library:
	CutRefuse = "refuse"  // the stream is reset with REFUSED_STREAM, as one that was not looked at
	CutGoAway = "go_away" // GOAWAY says that no stream of the connection was looked at; the client leaves then
)

// disowns tells whether the step says that its request was not looked at.
func (s *Step) disowns() bool {
	return s.Cut != nil && (s.Cut.How == CutRefuse || s.Cut.How == CutGoAway)
}

// Values of Cut.At.
const (
	BeforeHeaders = "before_headers"
	AfterHeaders  = "after_headers"
)

// ToolCall is one call of a function.
type ToolCall struct {
	// ID of the call. Empty: call_N, N counted from 1.
	ID string `json:"id,omitempty"`
	// Name of the function.
	Name string `json:"name"`
	// Arguments: a string is sent as it is, any other value as JSON. Nil: {}.
	Arguments any `json:"arguments,omitempty"`
}

func (c *ToolCall) arguments() string {
	switch v := c.Arguments.(type) {
	case nil:
		return "{}"
	case string:
		return v
	default:
		return string(toJSON(v))
	}
}

// Headers are an answer's headers; see Step.Headers. In JSON a value is a
// string, a list of strings, or null (leave the header out).
type Headers map[string][]string

// UnmarshalJSON reads the forms named above.
func (h *Headers) UnmarshalJSON(text []byte) error {
	var values map[string]any
	if llm.JSON.Unmarshal(text, &values) != nil {
		return mistake(text, "an object")
	}
	*h = make(Headers, len(values))
	for name, value := range values {
		switch v := value.(type) {
		case nil:
			(*h)[name] = nil
		case string:
			(*h)[name] = []string{v}
		case []any:
			list := make([]string, len(v))
			for i, item := range v {
				s, ok := item.(string)
				if !ok {
					return fmt.Errorf("header %q: its list may hold strings only", name)
				}
				list[i] = s
			}
			(*h)[name] = list
		default:
			return fmt.Errorf("header %q must be a string, a list of strings or null", name)
		}
	}
	return nil
}

// written is a value's JSON exactly as it is written. A null would leave a
// json.RawMessage empty.
type written json.RawMessage

// UnmarshalJSON keeps text.
func (w *written) UnmarshalJSON(text []byte) error {
	*w = bytes.Clone(text)
	return nil
}

// UnmarshalJSON keeps the JSON of Body and Usage exactly as it is written.
func (s *Step) UnmarshalJSON(text []byte) error {
	type plain Step
	shadow := struct {
		*plain
		Body  written `json:"body"`
		Usage written `json:"usage"`
	}{plain: (*plain)(s)}
	if err := llm.JSON.Unmarshal(text, &shadow); err != nil {
		return err
	}
	s.Usage = json.RawMessage(shadow.Usage)
	if shadow.Body == nil {
		return nil
	}
	body, err := stringOrRaw(json.RawMessage(shadow.Body))
	s.Body = body
	return err
}

// stringOrRaw returns the string that text is, or text itself.
func stringOrRaw(text json.RawMessage) (any, error) {
	if len(text) > 0 && text[0] == '"' {
		var s string
		err := llm.JSON.Unmarshal(text, &s)
		return s, err
	}
	return text, nil
}

// ends tells whether a healthy stream has its last event.
func (s *Step) ends() bool { return s.Done == nil || *s.Done }

// hasBody reports whether the step gives its body literally, and returns it.
func (s *Step) hasBody() ([]byte, bool) {
	switch v := s.Body.(type) {
	case nil:
		return s.BodyB64, s.BodyB64 != nil
	case string:
		return []byte(v), true
	default:
		return toJSON(v), true
	}
}
