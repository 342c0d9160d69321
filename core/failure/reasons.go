package failure

import (
	"strings"

	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/internal/wordlist"
	"github.com/llmagg/llmagg/core/llm"
)

// end is what a finish reason says of an answer.
type end struct {
	name string   // of the reason in OpenAI's words
	code llm.Code // of the failure that it is, OK for none
}

var (
	endNone   = end{} // there is no reason yet
	endStop   = end{name: "stop"}
	endPause  = end{name: "pause"} // there is more to come
	endLength = end{name: "length"}
	endTools  = end{name: "tool_calls"}
	endFilter = end{name: "content_filter"}
	endOther  = end{name: "other"} // nobody knows
	// The server gave up; the model made what cannot be used.
	endBroken = end{name: "error", code: llm.Unavailable}
	endBadly  = end{name: "error", code: llm.BadResponse}
)

// failed tells whether the reason means a failure, whatever came before it.
func (e end) failed() bool { return e.code != llm.OK }

// answers tells whether an answer that ends so may be empty (E1).
func (e end) answers() bool {
	return e == endStop || e == endPause || e == endLength || e == endTools || e == endFilter
}

// reasons are the words that formats and vendors have for an end, folded.
var reasons = wordlist.Index[end]{
	{Value: endNone, Words: "null none nil undefined unspecified finishreasonunspecified"},
	// OpenAI; Gemini; Anthropic; Bedrock; Cohere; TGI and watsonx; Baidu.
	{Value: endStop, Words: "stop endturn stopsequence stopstring stopword complete completed completion finish finished done " +
		"eos eostoken stoptoken endoftext endofsequence end normal success"},
	{Value: endPause, Words: "pauseturn compaction"}, // Anthropic
	{Value: endLength, Words: "length maxtokens maxtoken maxlength maxnewtokens maxoutputtokens maxcompletiontokens tokenlimit lengthlimit " +
		"errorlimit continuation modelcontextwindowexceeded contextwindowexceeded contextlength contextlengthexceeded modellength"},
	{Value: endTools, Words: "toolcalls toolcall tooluse tools tool functioncall functioncalls function"},
	// OpenAI; Gemini; Anthropic; Bedrock; Zhipu; Cohere.
	{Value: endFilter, Words: "contentfilter contentfiltered contentpolicy contentpolicyviolation contentmoderation moderation sensitive safety recitation blocklist blocked prohibitedcontent spii " +
		"imagesafety imageprohibitedcontent imagerecitation refusal guardrailintervened errortoxic risk"},
	// OpenRouter and many more; DeepSeek; Zhipu; vLLM; watsonx.
	{Value: endBroken, Words: "error failed failure internalerror servererror insufficientsystemresource networkerror abort aborted cancelled canceled " +
		"cancel usercancel timeout timelimit overloaded unavailable exception crash"},
	// Gemini; Bedrock.
	{Value: endBadly, Words: "malformedfunctioncall malformedresponse unexpectedtoolcall toomanytoolcalls missingthoughtsignature malformedtooluse " +
		"malformedmodeloutput invalidtoolcall"},
}

// IsReason tells whether a word is a finish reason. Some vendors write a word
// where there is no reason yet.
func IsReason(word string) bool {
	switch word {
	case "stop", "length", "tool_calls": // nearly all
		return true
	}
	return endOf(word) != endNone
}

// IsKnownReason tells whether a word is in the table of finish reasons, for
// fields in which other words may stand, too.
func IsKnownReason(word string) bool {
	e, known := reasons.Find(suggest.Fold(word))
	return known && e != endNone
}

// InOpenAIsWords is a finish reason in OpenAI's words. A reason without a word
// of OpenAI's stays unchanged.
func InOpenAIsWords(reason string) string {
	switch reason {
	case "", "stop", "length", "tool_calls", "content_filter", "function_call":
		return reason
	}
	if e := endOf(reason); e.answers() && e != endPause {
		return e.name
	}
	return reason
}

// endOf is what a finish reason means. A word outside of the table is a failure
// if it speaks of one.
func endOf(reason string) end {
	word := suggest.Fold(strings.TrimSpace(reason))
	if e, known := reasons.Find(word); known || word == "" {
		return e
	}
	for _, of := range [...]string{"finishreason", "stopreason"} { // "FinishReason.STOP", of an enumeration
		if bare, ok := strings.CutPrefix(word, of); ok {
			if e, known := reasons.Find(bare); known {
				return e
			}
		}
	}
	if general, special, ok := strings.Cut(word, ":"); ok { // Google's "content_filter: PROHIBITED_CONTENT"
		if e, known := reasons.Find(special); known {
			return e
		} else if e, known := reasons.Find(general); known {
			return e
		}
	}
	for part := range strings.FieldsFuncSeq(strings.ToLower(reason), func(r rune) bool { return strings.ContainsRune(" _-.:/", r) }) {
		switch part {
		case "error", "failed", "failure", "abort", "aborted", "exception":
			return endBroken
		case "malformed":
			return endBadly
		}
	}
	return endOther
}
