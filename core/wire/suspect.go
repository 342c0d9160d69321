package wire

import (
	"slices"
	"strings"
)

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
