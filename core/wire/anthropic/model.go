package anthropic

import "strings"

// model is what of a model's name decides how it is asked: its generation, as
// in claude-3-5-haiku-20241022, claude-opus-4-1 and claude-sonnet-4.5. Models
// of other vendors, at endpoints of the same shape, have none.
type model struct {
	claude bool
	major  int
	minor  int
}

// modelOf reads the first number behind "claude-", in which a second may
// follow: a longer number is a date.
func modelOf(name string) (m model) {
	_, rest, found := strings.Cut(name, "claude-")
	if !found {
		return m
	}
	words := strings.FieldsFunc(rest, func(c rune) bool { return c == '-' || c == '.' || c == '@' || c == ':' })
	for i, word := range words {
		if len(word) > 1 || !isDigit(word) {
			continue
		}
		m.claude, m.major = true, int(word[0]-'0')
		if i+1 < len(words) && len(words[i+1]) == 1 && isDigit(words[i+1]) {
			m.minor = int(words[i+1][0] - '0')
		}
		break
	}
	return m
}

func isDigit(word string) bool { return word != "" && word[0] >= '0' && word[0] <= '9' }

func (m model) since(major, minor int) bool {
	return m.claude && (m.major > major || m.major == major && m.minor >= minor)
}

// formats tells whether the model takes a JSON schema for its answer (Anthropic
// API docs, "Structured outputs": from Claude Opus 4.1 and Sonnet 4.5 on).
func (m model) formats() bool { return m.since(4, 1) }

// thinks tells whether the model can be told to think, and adapts whether by an
// effort instead of a budget of tokens ("Extended thinking", "Adaptive
// thinking").
func (m model) thinks() bool { return m.since(3, 7) }
func (m model) adapts() bool { return m.since(4, 6) }

// answerTokens is max_tokens, which the API demands, where the caller sets
// none: what the smallest model of the generation can write ("Models
// overview").
func (m model) answerTokens() int {
	switch {
	case m.since(3, 7):
		return 32000
	case m.claude && !m.since(3, 5):
		return 4096
	}
	return 8192
}
