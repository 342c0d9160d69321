package llm

import (
	"strings"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

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
