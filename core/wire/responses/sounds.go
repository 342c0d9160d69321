package responses

import (
	"encoding/json"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/llm"
)

// This file is the audio of answers, which chat completions have in the
// message's "audio": its data and its transcript.

// heard is what has come of a part's audio.
type heard struct {
	voice int            // bytes of its data, in base64
	words jsontext.Tally // of its transcript
}

// audio is "audio" of a message; nil for none.
func (d *delta) audio() json.RawMessage {
	if d.voice.first == "" && d.words.first == "" {
		return nil
	}
	sound := map[string]string{}
	if data := d.voice.String(); data != "" {
		sound["data"] = data
	}
	if words := d.words.String(); words != "" {
		sound["transcript"] = words
	}
	return llm.JSONOf(sound)
}

// hears reads an event about audio; false for another event. The API reference
// and servers have several names for these.
func (s *stream) hears(name string, e *event) bool {
	of, piece := strings.CutSuffix(name, ".delta")
	if !strings.Contains(of, "audio") || !piece && !strings.HasSuffix(of, ".done") {
		return false
	}
	p := s.open("message", e.output, e.itemID).part(e.content)
	switch {
	case !strings.Contains(of, "transcript"):
		s.sound(p, e.delta)
	case piece:
		s.transcribe(p, e.delta)
	default:
		s.endSound(p, text(e.whole))
	}
	return true
}

func (p *answerPart) hear() *heard {
	if p.heard == nil {
		p.heard = &heard{}
	}
	return p.heard
}

// sound is a piece of a part's audio.
func (s *stream) sound(p *answerPart, data string) {
	p.hear().voice += len(data)
	s.out.voice.add(data)
}

// transcribe is a piece of the transcript.
func (s *stream) transcribe(p *answerPart, text string) {
	s.came(&p.hear().words, text)
	s.out.words.add(text)
}

// endSound takes a transcript that is whole.
func (s *stream) endSound(p *answerPart, whole string) {
	s.transcribe(p, s.missing(whole, &p.hear().words))
}

// endVoice takes the data of a part that has ended, unless they came in pieces,
// each of which is in base64 for itself.
func (s *stream) endVoice(p *answerPart, kind, data string) {
	if strings.Contains(kind, "audio") && (p.heard == nil || p.heard.voice == 0) {
		s.sound(p, data)
	}
}
