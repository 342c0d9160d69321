package llm

import (
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// segments joins the pieces of a long text without a buffer that doubles: what
// is joined costs its own size while it grows, and twice that when it is read.
// A short text costs what a strings.Builder costs. The zero value is ready.
type segments struct {
	full []string
	size int // of full
	last strings.Builder
}

const (
	segmentSize = 64 << 10
	// ownSegment is from when on a piece of a long text is kept as it is.
	ownSegment = 1 << 10
)

// WriteString adds a piece; it never fails.
func (s *segments) WriteString(piece string) (int, error) {
	long := len(s.full) > 0
	switch {
	case long && len(piece) >= ownSegment || len(piece) >= segmentSize:
		s.seal()
		s.keep(piece)
		return len(piece), nil
	case s.last.Len()+len(piece) > segmentSize:
		s.seal()
		s.last.Grow(segmentSize)
	case long && s.last.Len() == 0:
		s.last.Grow(segmentSize / 16)
	}
	return s.last.WriteString(piece)
}

// seal makes what was written last a segment of its own.
func (s *segments) seal() {
	if s.last.Len() == 0 {
		return
	}
	s.keep(s.last.String())
	s.last.Reset()
}

func (s *segments) keep(segment string) {
	s.full = append(s.full, segment)
	s.size += len(segment)
}

// Len is the size of the text.
func (s *segments) Len() int { return s.size + s.last.Len() }

// String is the text.
func (s *segments) String() string {
	if len(s.full) == 0 {
		return s.last.String()
	}
	if s.seal(); len(s.full) > 1 {
		whole := strings.Join(s.full, "")
		s.full, s.size = append(s.full[:0], whole), len(whole)
		clear(s.full[1:cap(s.full)]) // the pieces are the collector's now
	}
	return s.full[0]
}

// pieces gives the text from an offset on, piece by piece, without joining it.
func (s *segments) pieces(from int) iter.Seq[string] {
	return func(yield func(string) bool) {
		at, first := s.size, len(s.full)
		for first > 0 && at > from { // what is new is at the end
			first--
			at -= len(s.full[first])
		}
		for _, piece := range s.full[first:] {
			if !yield(piece[max(from-at, 0):]) {
				return
			}
			at += len(piece)
		}
		if rest := s.last.String()[max(from-at, 0):]; rest != "" {
			yield(rest)
		}
	}
}

// cutFrom is strings.CutPrefix(text, s): what text has behind this one.
func (s *segments) cutFrom(text string) (rest string, ok bool) {
	if s.Len() > len(text) {
		return text, false
	}
	rest = text
	for piece := range s.pieces(0) {
		if rest, ok = strings.CutPrefix(rest, piece); !ok {
			return text, false
		}
	}
	return rest, true
}

// beginsWith is strings.HasPrefix(s, text).
func (s *segments) beginsWith(text string) bool {
	if len(text) > s.Len() {
		return false
	}
	for piece := range s.pieces(0) {
		n := min(len(piece), len(text))
		if piece[:n] != text[:n] {
			return false
		}
		if text = text[n:]; text == "" {
			break
		}
	}
	return true
}

// Reset forgets the text.
func (s *segments) Reset() { *s = segments{} }

// Piece is a text in a delta that may begin or end inside a character, for an
// [Accumulator], which joins it.
type Piece string

// UnmarshalJSON reads a text; null is "", and anything else an error.
func (p *Piece) UnmarshalJSON(data []byte) error {
	r := answerReader(data)
	r.Halves = true
	if c := r.Next(); c != '"' && c != 'n' {
		return r.Fail("expected a text")
	}
	*p = Piece(r.Piece())
	return r.End()
}

// ArgumentsPiece is a [Piece] of a call's arguments. Some servers send an
// object in the place of its text.
type ArgumentsPiece string

// UnmarshalJSON reads a text, or takes any other value as its JSON.
func (p *ArgumentsPiece) UnmarshalJSON(data []byte) error {
	r := answerReader(data)
	r.Halves = true
	*p = ArgumentsPiece(r.pieceOrObject())
	return r.End()
}

// JoinPieces joins the pieces of one event: what is cut between them is whole.
func JoinPieces(pieces []Piece) string {
	switch len(pieces) {
	case 0:
		return ""
	case 1:
		return string(pieces[0])
	}
	var all strings.Builder
	for _, p := range pieces {
		all.WriteString(string(p))
	}
	text := all.String()
	if utf8.ValidString(text) {
		return text
	}
	return jsontext.ValidInside(jsontext.JoinSurrogates(text))
}
