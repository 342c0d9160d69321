package exchange

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
	"github.com/llmagg/llmagg/core/wire/anthropic"
	"github.com/llmagg/llmagg/core/wire/bedrock"
	"github.com/llmagg/llmagg/core/wire/eventstream"
	"github.com/llmagg/llmagg/core/wire/gemini"
	"github.com/llmagg/llmagg/core/wire/ollama"
	"github.com/llmagg/llmagg/core/wire/openai"
	"github.com/llmagg/llmagg/core/wire/responses"
	"github.com/stretchr/testify/require"
)

// kind is what a server does next with its stream.
type kind byte

const (
	text      kind = 'a' // a piece of the first choice; its finish reason is the word "null"
	both      kind = 'b' // a piece and a finish reason
	other     kind = 'c' // a piece of the second choice
	role      kind = 'r' // the first choice, with nothing in it
	finish    kind = 'f'
	otherEnds kind = 'F' // the second choice's finish reason
	usage     kind = 'u'
	garbage   kind = 'g' // four events that are no JSON
	pause     kind = 'p' // 1.2 s
	done      kind = 'D'
	eof       kind = '.'
	reset     kind = '!'
	hang      kind = '_' // nothing more comes
	halved    kind = '{'
	failing   kind = 'E'
)

// last are the kinds that end a stream.
const last = "D.!_{E"

// byTheClauses says what S2, S3 and S4 make of a stream: the text that the
// caller gets, and whether it is complete. marked formats always say when an
// answer ends. It is written after the clauses and not after the code.
func byTheClauses(asked int, marked bool, kinds string) (got string, complete bool) {
	appeared, finished := map[kind]bool{}, map[kind]bool{}
	skipped, inARow, silence := false, 0, 0.0
	for _, k := range []byte(kinds) {
		// "every choice that appeared has finished"
		all := len(appeared) > 0 && len(finished) == len(appeared)
		// "2 s of silence after every choice has finished": one that was asked
		// for is still to come
		quiet := all && len(appeared) >= asked
		choice := text
		switch kind(k) {
		case done: // "[DONE] [makes an end]"; "unless [DONE] came and no event was halved"
			return got, (all || len(appeared) > 0 && !skipped) && !nothingIn(kinds, finished)
		case eof: // "the clean end of the body", which is none where a mark belongs
			return got, all && !marked
		case hang:
			return got, quiet
		case pause:
			if silence += 1.2; quiet && silence >= 2 {
				return got, true
			}
			continue
		case reset: // not the clean end of the body
			return got, false
		case halved, failing: // "was a piece of the answer"; E1
			return got, false
		case garbage: // "skipped and counted; 8 in a row are BAD_RESPONSE"
			skipped = true
			if inARow += 4; inARow >= 8 {
				return got, false
			}
			continue
		case usage: // no piece of the answer, hence silence
			inARow = 0
			continue
		case other, otherEnds:
			choice = other
		}
		inARow, silence = 0, 0
		appeared[choice] = true
		switch kind(k) {
		case finish, otherEnds:
			finished[choice] = true
		case both:
			finished[choice] = true
			got += "b"
		case text, other: // "null" is no reason
			got += string(k)
		}
	}
	panic("a sequence without an end: " + kinds)
}

// nothingIn tells whether the first choice appeared, never finished, and
// brought nothing: an empty answer is one for a few reasons only (E1).
func nothingIn(kinds string, finished map[kind]bool) bool {
	before, _, _ := strings.Cut(kinds, string(done))
	return strings.ContainsRune(before, rune(role)) && !strings.ContainsAny(before, "ab") && !finished[text]
}

// scripted is a stream that does what kinds say, as its reader sees it.
type scripted struct {
	kinds  string
	ctx    context.Context
	cancel context.CancelCauseFunc
	more   int           // events of the kind at hand
	body   io.ReadCloser // its bytes; nil where the events come from here
	reader *Stream
	timed  bool // else a silence is over at once, as its timer says it
}

func (s *scripted) wait(d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

// Next implements source.
func (s *scripted) Next() (eventstream.Event, error) {
	for {
		k := kind(s.kinds[0])
		switch k {
		case pause:
			if err := s.wait(1200 * time.Millisecond); err != nil {
				return eventstream.Event{}, err
			}
			s.kinds = s.kinds[1:]
			continue
		case eof:
			return eventstream.Event{}, io.EOF
		case reset:
			return eventstream.Event{}, errors.New("connection reset by peer")
		case hang:
			if !s.timed {
				s.reader.silenced.Store(s.reader.awaited)
				return eventstream.Event{}, context.Canceled
			}
			if s.wait(time.Minute) == nil { // D4
				s.cancel(llm.Errorf(llm.StreamInterrupted, "the stream went silent"))
			}
			return eventstream.Event{}, s.ctx.Err()
		}
		if s.more++; k != garbage || s.more == 4 {
			s.kinds, s.more = s.kinds[1:], 0
		}
		return eventstream.Event{Data: modelEvents[k]}, nil
	}
}

var modelEvents = map[kind][]byte{done: []byte("[DONE]"), garbage: []byte("~"), halved: []byte(`{"broken`),
	failing: []byte(`{"error":{"message":"x"}}`), usage: []byte("u"), text: []byte("{a"), both: []byte("{b"), other: []byte("{c"),
	finish: []byte("{f"), otherEnds: []byte("{F"), role: []byte("{r")}

// modelStream reads what scripted writes.
type modelStream struct{ done bool }

// Complete implements [wire.Stream].
func (m *modelStream) Complete() bool { return m.done }

// Chunk implements [wire.Stream].
func (m *modelStream) Chunk(_ string, data []byte) (*llm.Chunk, error) {
	if bytes.Equal(data, modelEvents[done]) {
		m.done = true
		return nil, nil
	}
	c := &llm.Chunk{}
	if data[0] == byte(usage) {
		return c, nil
	}
	if data[0] != '{' || bytes.HasPrefix(data, []byte(`{"broken`)) {
		return nil, errors.New("no chunk")
	}
	if bytes.Equal(data, modelEvents[failing]) {
		c.Extra = llm.Extra{"error": data[len(`{"error":`):]}
	}
	if len(data) == 2 {
		c.Choices = []llm.ChunkChoice{{}}
		choice := &c.Choices[0]
		switch k := kind(data[1]); k {
		case text:
			choice.Delta.Content, choice.FinishReason = "a", "null"
		case both:
			choice.Delta.Content, choice.FinishReason = "b", "stop"
		case other:
			choice.Index, choice.Delta.Content = 1, "c"
		case finish, otherEnds:
			choice.FinishReason = "stop"
			if k == otherEnds {
				choice.Index = 1
			}
		}
	}
	return c, nil
}

// read gives what a reader makes of a stream.
func (s *scripted) read(w wire.Format, asked int, ending *wire.Ending) (got string, complete bool) {
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	defer s.cancel(nil)
	resp := &http.Response{StatusCode: 200, Body: http.NoBody}
	if s.body != nil {
		resp.Body = s.body
	}
	limits := Limits{ResponseBytes: 1 << 20, EventBytes: 1 << 20, StreamBytes: 1 << 20}
	r := newStream(&Upstream{Options: Options{Format: w, Limits: limits}}, s.ctx, s.cancel, nil, resp, &Exchange{Call: wire.Call{Payload: &llm.Payload{N: asked}}})
	r.end, s.reader = wire.NewJudge(ending, asked), r
	if s.body == nil {
		r.begun, r.source, r.stream = true, s, &modelStream{}
	}
	for {
		c, err := r.Next()
		if err != nil {
			return got, err == io.EOF
		}
		for i := range c.Choices {
			got += c.Choices[i].Delta.Content
		}
	}
}

var modelWires = map[string]wire.Format{"openai": openai.New(wire.Options{}), "gemini": gemini.New(wire.Options{}), "ollama": ollama.New(wire.Options{}),
	"anthropic": anthropic.New(wire.Options{}), "bedrock": bedrock.New(wire.Options{}), "responses": responses.New(wire.Options{})}

// marked are the formats that S2 wants a mark of the end from.
var marked = map[string]bool{"anthropic": true, "bedrock": true, "responses": true}

// sequences calls f with each sequence of at most n kinds whose last one ends
// the stream, until f says to stop.
func sequences(n int, onward string, f func(kinds string) bool) bool {
	prefix := make([]byte, 0, n)
	var grow func() bool
	grow = func() bool {
		for _, k := range []byte(last) {
			if !f(string(append(prefix, k))) {
				return false
			}
		}
		if len(prefix) == n-1 {
			return true
		}
		for _, k := range []byte(onward) {
			prefix = append(prefix, k)
			if !grow() {
				return false
			}
			prefix = prefix[:len(prefix)-1]
		}
		return true
	}
	return grow()
}

// disagreement is the first sequence of at most n kinds of which a reader with
// this ending does not make what the clauses say, "" if there is none.
func disagreement(name string, ending *wire.Ending, asked, n int, onward string) (found string) {
	w, over := modelWires[name], " " // the last beginning that had no need of its end
	var got string
	var complete bool
	sequences(n, onward, func(kinds string) bool {
		want, whole := byTheClauses(asked, marked[name], kinds)
		if !strings.HasPrefix(kinds, over) {
			s := &scripted{kinds: kinds, timed: strings.ContainsRune(onward, rune(pause))}
			got, complete = s.read(w, asked, ending)
			if over = " "; len(s.kinds) > 1 {
				over = kinds[:len(kinds)-len(s.kinds)+1]
			}
		}
		if got != want || complete != whole {
			found = fmt.Sprintf("%s (%d asked for): got %q, complete: %v; by the clauses %q, %v", kinds, asked, got, complete, want, whole)
		}
		return found == ""
	})
	return found
}

// Every stream of up to seven steps ends as the clauses say, in each format;
// with pauses, on a clock of its own, every one of up to four.
func TestEveryStreamEndsAsTheClausesSay(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(800)) // a fourth of the time is the collector's else
	tables := map[wire.Ending]bool{}                  // that have been compared: formats may share one
	for name, w := range modelWires {
		t.Run(name, func(t *testing.T) {
			n := 7
			if testing.Short() || raceDetector || tables[*w.Ending()] {
				n = 5
			}
			tables[*w.Ending()] = true
			for asked := 1; asked <= 2; asked++ {
				require.Empty(t, disagreement(name, w.Ending(), asked, n+2-2*asked, "abcfFug"))
			}
			synctest.Test(t, func(t *testing.T) {
				for asked := 1; asked <= 2; asked++ {
					require.Empty(t, disagreement(name, w.Ending(), asked, 5-asked, "abcfFugp"))
				}
			})
		})
	}
}

// The comparison can fail: whatever is changed in the table, it finds a stream
// that shows the change.
func TestTheModelSeesEveryChangeOfTheTable(t *testing.T) {
	for name, w := range modelWires {
		require.Empty(t, disagreement(name, w.Ending(), 1, 4, "abcfFug"))
		for phase := range wire.Phases {
			for sign := range wire.Signs {
				changed := *w.Ending()
				if cell := &changed[phase][sign]; *cell == wire.Completes {
					*cell = wire.Breaks
				} else {
					*cell = wire.Completes
				}
				asked := 1
				if phase == int(wire.Early) {
					asked = 2
				}
				found := disagreement(name, &changed, asked, 4, "abcfFug")
				if found == "" && phase != int(wire.Finished) && sign == int(wire.Silent) { // D4's clock: only in time
					synctest.Test(t, func(*testing.T) { found = disagreement(name, &changed, asked, 4, "abcfgp") })
				}
				require.NotEmpty(t, found, "%s: phase %d, sign %d", name, phase, sign)
			}
		}
	}
}
