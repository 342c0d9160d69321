package llm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/internal/wordlist"
)

// valueWords are the words that the values of a request's fields may be, as far
// as anybody documents them. A word that is not here passes, since vendors have
// new ones, unless it is a clear slip in one of these.
var valueWords = wordlist.Index[wordlist.List]{
	{Words: "reasoning_effort reasoning.effort", Value: "none minimal minimum low xlow medium high xhigh max maximum maximal default auto dynamic"},
	{Words: "output_config.effort", Value: "low medium high xhigh max auto"},
	{Words: "reasoning.summary", Value: "auto concise detailed none"},
	{Words: "thinking.type", Value: "enabled disabled adaptive auto"},
	{Words: "verbosity", Value: "low medium high auto default"},
	{Words: "service_tier", Value: "auto default flex priority fast scale standard standard_only on_demand performance batch reserved"},
	{Words: "prompt_cache_retention", Value: "in_memory in-memory 24h"},
	{Words: "function_call", Value: "auto none"},
	{Words: "tool_choice", Value: "auto none required any"},
	{Words: "modalities", Value: "text audio image video"},
	{Words: "truncation", Value: "auto disabled"},
	{Words: "web_search_options.search_context_size", Value: "low medium high"},
	{Words: "detail", Value: "auto low high original"}, // of an image
}

// slipInWord is the known word in which another is a clear slip, "" for none. A
// word that has a known one in it may be a new one ("xmedium", "auto_v2"),
// unless it has but a letter more at its end, and servers may take capitals.
func slipInWord(word string, known []string) string {
	lower := strings.ToLower(word)
	mayBeNew := func(k string) bool {
		return strings.Contains(lower, k) && (len(lower) != len(k)+1 || lower[:len(k)] != k || lower[len(k)] < 'a')
	}
	if len(word) < 3 || slices.ContainsFunc(known, mayBeNew) {
		return ""
	}
	most := 1
	if len(word) >= 6 {
		most = 2
	}
	return suggest.Nearest(lower, known, most)
}

// checkWords refuses a value that is a slip in a known one. The value of a
// field that is an object has its word under the name behind the dot.
func checkWords(name string, v []byte) error {
	switch v[0] {
	case '"':
		return checkWordOf(name, name, v)
	case '[':
		if name != "modalities" {
			return nil
		}
		for i, word := range elementsOf(v) {
			if err := checkWordOf(name, fmt.Sprintf("%s[%d]", name, i), word); err != nil {
				return err
			}
		}
	case '{':
		for _, inner := range [...]string{"effort", "summary", "type", "search_context_size"} {
			at := name + "." + inner
			if err := checkWordOf(at, at, memberOf(v, inner)); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkWordOf(field, at string, v []byte) error {
	words, has := valueWords.Find(field)
	var word string
	if !has || !isText(v) || JSON.Unmarshal(v, &word) != nil {
		return nil
	}
	if near := slipInWord(word, words.Words()); near != "" {
		return Errorf(InvalidArgument, "request field %q is %s; did you mean %q? (\"extra_body\" sends it as it is)", at, shown.Text(word), near)
	}
	return nil
}
