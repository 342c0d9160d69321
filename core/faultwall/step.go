package faultwall

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/llmagg/llmagg/core/llm"
)

// Step is the behaviour of one request. The zero Step is a healthy answer, in
// the wire format of the request, streamed if the request asks for it.
// SCRIPT.md says what each key does; a field that is zero is a key that is not
// there.
type Step struct {
	Times int `json:"times,omitempty"`

	Status      int     `json:"status,omitempty"`
	Headers     Headers `json:"headers,omitempty"`
	HeaderBytes int     `json:"header_bytes,omitempty"`

	Body        any    `json:"body,omitempty"`
	BodyB64     []byte `json:"body_b64,omitempty"`
	RepeatBytes int64  `json:"repeat_bytes,omitempty"`
	Forever     bool   `json:"forever,omitempty"`
	Redirect    string `json:"redirect,omitempty"`
	Raw         string `json:"raw,omitempty"`
	RawB64      []byte `json:"raw_b64,omitempty"`

	Model        string                     `json:"model,omitempty"`
	Text         *string                    `json:"text,omitempty"`
	TextBytes    int                        `json:"text_bytes,omitempty"`
	Echo         bool                       `json:"echo,omitempty"`
	Reasoning    string                     `json:"reasoning,omitempty"`
	Refusal      string                     `json:"refusal,omitempty"`
	ToolCalls    []ToolCall                 `json:"tool_calls,omitempty"`
	Interleave   bool                       `json:"interleave,omitempty"`
	FinishReason string                     `json:"finish_reason,omitempty"`
	Usage        json.RawMessage            `json:"usage,omitempty"`
	Choices      int                        `json:"choices,omitempty"`
	Extra        map[string]json.RawMessage `json:"extra,omitempty"`

	Events        []Event `json:"events,omitempty"`
	Chunks        int     `json:"chunks,omitempty"`
	ChunkChars    int     `json:"chunk_chars,omitempty"`
	Done          *bool   `json:"done,omitempty"`
	NoFinish      bool    `json:"no_finish,omitempty"`
	UsageChunk    string  `json:"usage_chunk,omitempty"`
	Newline       string  `json:"newline,omitempty"`
	BOM           bool    `json:"bom,omitempty"`
	MultiLine     bool    `json:"multi_line,omitempty"`
	NoSpace       bool    `json:"no_space,omitempty"`
	CommentEveryS float64 `json:"comment_every_s,omitempty"`

	Hold          string  `json:"hold,omitempty"`
	DelayHeadersS float64 `json:"delay_headers_s,omitempty"`
	DelayBodyS    float64 `json:"delay_body_s,omitempty"`
	DelayEventS   float64 `json:"delay_event_s,omitempty"`
	DripHeadersS  float64 `json:"drip_headers_s,omitempty"`
	DripBodyS     float64 `json:"drip_body_s,omitempty"`

	SplitBytes    int     `json:"split_bytes,omitempty"`
	FlushEvery    int     `json:"flush_every,omitempty"`
	Gzip          bool    `json:"gzip,omitempty"`
	ContentLength *int64  `json:"content_length,omitempty"`
	Framing       string  `json:"framing,omitempty"`
	Cut           *Cut    `json:"cut,omitempty"`
	KeepAlive     *bool   `json:"keep_alive,omitempty"`
	CloseNext     bool    `json:"close_next,omitempty"`
	CloseIdleS    float64 `json:"close_idle_s,omitempty"`
}

// Values of Step.UsageChunk.
const (
	UsageOwn        = "own"         // a chunk without choices after the finish chunk
	UsageFinish     = "finish"      // on the finish chunk
	UsageEmptyDelta = "empty_delta" // a chunk with an empty delta after the finish chunk
	UsageNone       = "none"        // nowhere
)

// Cut breaks an answer off; see the constants and SCRIPT.md.
type Cut struct {
	How         string `json:"how"`
	At          string `json:"at,omitempty"`
	AfterEvents *int   `json:"after_events,omitempty"`
	AfterBytes  *int64 `json:"after_bytes,omitempty"`
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
	ID   string `json:"id,omitempty"`
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
