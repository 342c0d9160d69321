package gemini

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/llm"
)

// This file reads what says how an answer ended: finish reasons and blocked
// prompts. Servers that write the format by a protobuf library's defaults send
// the numbers of such words.

// reasons are the finish reasons whose numbers Gemini and Vertex AI share;
// blocks the reasons of blocked prompts.
var (
	reasons = [...]string{"", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER"}
	blocks  = [...]string{"", "SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT"}
)

// word takes a word that may come as its number; a number that is not among
// names stays one.
func (f *fields) word(name string, names []string) string {
	raw := f.take(name)
	if raw == nil {
		return ""
	}
	r := readerOf(raw, f.dirty)
	word := r.WordLike("STOP")
	if n, err := strconv.ParseFloat(word, 64); err == nil && n >= 0 && n < float64(len(names)) {
		return names[int(n)]
	}
	return word
}

// finishReason translates a finish reason. Those that OpenAI's shape has no
// word for stay as they are.
func finishReason(reason string, called bool) string {
	switch reason {
	case "", "FINISH_REASON_UNSPECIFIED":
		return ""
	case "STOP":
		if called {
			return "tool_calls"
		}
		return "stop"
	case "MAX_TOKENS", "CONTINUATION":
		return "length"
	case "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII",
		"IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION":
		return "content_filter"
	}
	if called && failure.InOpenAIsWords(reason) == "stop" {
		return "tool_calls"
	}
	return reason
}

// blocked is the error that the prompt was blocked, nil if it was not, or an
// answer is there.
func (g *reader) blocked() error {
	feedback := g.top.see("promptFeedback")
	if feedback == nil || !bytes.Contains(feedback, []byte("lock")) ||
		slices.ContainsFunc(g.found, func(f found) bool { return len(f.parts) > 0 }) {
		return nil
	}
	var f fields
	r := readerOf(feedback, g.top.dirty)
	if f.read(&r) != nil {
		return nil
	}
	reason, message := f.word("blockReason", blocks[:]), f.text("blockReasonMessage", "")
	if reason == "" || strings.HasSuffix(reason, "UNSPECIFIED") {
		return nil
	}
	e := llm.Errorf(llm.ContentFilter, "the prompt was blocked: %s", strings.TrimSpace(reason+" "+message))
	e.ProviderCode, e.ProviderMessage = reason, message
	return e
}
