package faultwall

import (
	"bytes"
	"iter"
	"net/http"
	"slices"
	"strings"
)

// How a body is delimited; values of Step.Framing.
const (
	framingLength  = "length"
	framingChunked = "chunked"
	framingClose   = "close"
)

// answer is a step resolved for a request, ready to be performed.
type answer struct {
	status      int
	contentType string
	location    string
	errorType   string // AWS's, in a header
	length      int64  // of the body; -1: not known before it is sent
	events      bool   // an event stream
	pieces      iter.Seq[piece]
}

// piece is what is sent by one write, after what is waited for before it.
type piece struct {
	data   []byte
	delayS float64
	hold   string
	event  bool // counts as an event: Cut.AfterEvents, DelayEventS
}

// compose resolves a step for a request.
func compose(c *call, s *Step) *answer {
	status := s.Status
	if status == 0 {
		status = http.StatusOK
		if s.Redirect != "" {
			status = http.StatusTemporaryRedirect
		}
	}
	body, literal := s.hasBody()
	switch {
	case s.Redirect != "" || bodiless(status):
		return &answer{status: status, location: s.Redirect, pieces: slices.Values([]piece(nil))}
	case literal:
		return wholeAnswer(status, body)
	case s.Events != nil:
		return streamAnswer(c, status, eventPieces(c, s))
	case status >= 400:
		return failedAnswer(c, status)
	case c.kind == KindHealth:
		return wholeAnswer(status, toJSON(c.dialect.list(c.known)))
	case c.embed != nil:
		return wholeAnswer(status, toJSON(c.embedded()))
	case c.rank != nil:
		return wholeAnswer(status, toJSON(c.ranked()))
	case s.RepeatBytes > 0 && c.stream:
		return streamAnswer(c, status, repeatedEvents(c, s))
	case s.RepeatBytes > 0:
		return repeatedBody(c, s, status)
	case s.Forever && c.stream:
		return streamAnswer(c, status, endlessEvents(c, s))
	case s.Forever:
		return endlessBody(c, s, status)
	case c.stream && c.array:
		return arrayAnswer(c, s, status)
	case c.stream:
		return streamAnswer(c, status, healthyEvents(c, s))
	}
	return wholeAnswer(status, toJSON(c.dialect.whole(contentOf(c, s))))
}

// bodiless reports whether HTTP forbids a body with this status.
func bodiless(status int) bool {
	return status == http.StatusNoContent || status == http.StatusNotModified
}

func wholeAnswer(status int, body []byte) *answer {
	return &answer{
		status: status, contentType: "application/json", length: int64(len(body)),
		pieces: slices.Values([]piece{{data: body, event: true}}),
	}
}

// failedAnswer is an error as the vendor writes it.
func failedAnswer(c *call, status int) *answer {
	body := c.dialect.failure(status, c.model)
	a := wholeAnswer(status, toJSON(body))
	if f, ok := body.(*bedrockFailure); ok {
		a.errorType = f.kind
	}
	return a
}

func streamAnswer(c *call, status int, pieces iter.Seq[piece]) *answer {
	if c.lines {
		return &answer{status: status, contentType: "application/x-ndjson", length: -1, pieces: pieces}
	}
	kind := "text/event-stream; charset=utf-8"
	if isBinary(c) {
		kind = "application/vnd.amazon.eventstream"
	}
	return &answer{status: status, contentType: kind, length: -1, events: true, pieces: pieces}
}

// healthyEvents is a healthy stream in the request's wire format.
func healthyEvents(c *call, s *Step) iter.Seq[piece] {
	return func(yield func(piece) bool) {
		a, deltas := streamed(c, s)
		f := formatOf(c, s)
		for _, d := range deltas {
			if !yield(piece{data: f.object(d.name, "", c.chunk(a, d)), event: true}) {
				return
			}
		}
		switch c.dialect.(type) {
		case openAI, azure: // the other formats end by one of their deltas
			if s.ends() {
				yield(piece{data: f.data("", "", "[DONE]"), event: true})
			}
		}
	}
}

// eventPieces is a stream of explicit events.
func eventPieces(c *call, s *Step) iter.Seq[piece] {
	return func(yield func(piece) bool) {
		a, f := contentOf(c, s), formatOf(c, s)
		for i := range s.Events {
			e := &s.Events[i]
			data := f.render(c, a, e)
			for range max(e.Times, 1) {
				if !yield(piece{data: data, delayS: e.DelayS, hold: e.Hold, event: !e.isPause()}) {
					return
				}
			}
		}
		if s.Done != nil && *s.Done {
			yield(piece{data: f.data("", "", "[DONE]"), event: true})
		}
	}
}

// arrayAnswer is Gemini's stream without alt=sse: one JSON array, an element at
// a time.
func arrayAnswer(c *call, s *Step, status int) *answer {
	return &answer{status: status, contentType: "application/json; charset=UTF-8", length: -1, pieces: func(yield func(piece) bool) {
		a, deltas := streamed(c, s)
		before := "["
		for _, d := range deltas {
			if !yield(piece{data: append([]byte(before), toJSON(c.chunk(a, d))...), event: true}) {
				return
			}
			before = ",\r\n"
		}
		yield(piece{data: []byte("]")})
	}}
}

// fillBlock is the size of the pieces of generated bodies.
const fillBlock = 64 << 10

// filled splits a plain healthy answer around its text.
func filled(c *call, s *Step) (head, tail []byte) {
	const mark = "faultwall-text-goes-here"
	a := contentOf(c, s)
	a.text = mark
	head, tail, _ = bytes.Cut(toJSON(c.dialect.whole(a)), []byte(mark))
	return head, tail
}

// repeatedBody is a plain answer of s.RepeatBytes.
func repeatedBody(c *call, s *Step, status int) *answer {
	head, tail := filled(c, s)
	total := max(s.RepeatBytes, int64(len(head)+len(tail)))
	return &answer{status: status, contentType: "application/json", length: total, pieces: func(yield func(piece) bool) {
		block := bytes.Repeat([]byte("a"), fillBlock)
		if !yield(piece{data: head, event: true}) {
			return
		}
		for left := total - int64(len(head)+len(tail)); left > 0; {
			n := min(left, fillBlock)
			if !yield(piece{data: block[:n]}) {
				return
			}
			left -= n
		}
		yield(piece{data: tail})
	}}
}

// repeatedEvents is a stream of s.RepeatBytes: full events of fillBlock bytes,
// then one that makes the sum right.
func repeatedEvents(c *call, s *Step) iter.Seq[piece] {
	return func(yield func(piece) bool) {
		plain := *s
		plain.Text, plain.RepeatBytes = Set(""), 0
		ends := slices.Collect(healthyEvents(c, &plain))
		first := 0
		switch c.dialect.(type) {
		case openAI:
			first = max(c.choices, s.Choices, 1) // the role chunks
		case anthropic, bedrock:
			first = 1 // message_start
		case responses:
			first = 4 // up to the beginning of the text
		}
		left := s.RepeatBytes
		for _, p := range ends {
			left -= int64(len(p.data))
		}
		for _, p := range ends[:first] {
			if !yield(p) {
				return
			}
		}
		a, f := contentOf(c, &plain), formatOf(c, s)
		event := func(chars int64) []byte {
			text := strings.Repeat("a", int(chars))
			return f.object("", "", c.chunk(a, delta{text: &text}))
		}
		bare := int64(len(event(0)))
		full := event(fillBlock - bare)
		for ; left >= fillBlock+bare; left -= fillBlock {
			if !yield(piece{data: full, event: true}) {
				return
			}
		}
		if left >= bare && !yield(piece{data: event(left - bare), event: true}) {
			return
		}
		for _, p := range ends[first:] {
			if !yield(p) {
				return
			}
		}
	}
}

// endlessEvents is a healthy stream that never comes to its end.
func endlessEvents(c *call, s *Step) iter.Seq[piece] {
	return func(yield func(piece) bool) {
		a, f := contentOf(c, s), formatOf(c, s)
		tick := a.text + " "
		data := f.object("", "", c.chunk(a, delta{text: &tick}))
		for yield(piece{data: data, event: true}) {
		}
	}
}

// endlessBody is a plain answer whose text never comes to its end.
func endlessBody(c *call, s *Step, status int) *answer {
	head, _ := filled(c, s)
	return &answer{status: status, contentType: "application/json", length: -1, pieces: func(yield func(piece) bool) {
		block := bytes.Repeat([]byte("a"), 4<<10)
		if !yield(piece{data: head, event: true}) {
			return
		}
		for yield(piece{data: block, event: true}) {
		}
	}}
}
