package llm

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/internal/wordlist"
)

// This file checks what stands inside of a request's fields: names that are a
// slip in a known one, and values that no server can mean. A server passes over
// the one, and some answer the other with nothing. "extra_body" takes both.

// innerNames are the names in objects of a request whose names are few. Others
// pass, unless they are so near to one of these that they are slips.
var (
	streamOptionNames = []string{"include_usage", "include_obfuscation", "continuous_usage_stats", "chunk_include_usage"}
	schemaNames       = []string{"name", "description", "schema", "strict"}
	functionNames     = []string{"name", "description", "parameters", "strict"}
	reasoningNames    = []string{"effort", "max_tokens", "exclude", "enabled", "summary", "generate_summary"}
	otherNames        = []string{"voice", "format", "type", "content", "search_context_size", "user_location"} // audio, prediction, web_search_options
)

// checkNames refuses a name in an object that is a slip in one of known. where
// says which object it is.
func checkNames(where string, object []byte, known []string) error {
	if problem := slipProblem(object, known); problem != "" {
		return Errorf(InvalidArgument, "%s%s (server-specific fields go into \"extra_body\")", where, problem)
	}
	return nil
}

// slipProblem is the problem with the first name in an object that is a slip in
// one of known; "" without one.
func slipProblem(object []byte, known []string) string {
	r := newReader(object)
	for more := r.Object(); more; more = r.NextField() {
		name := string(r.Key)
		if near := slipOf(name, known); near != "" {
			return " has the field " + shown.Name(name) + `; did you mean "` + near + `"?`
		}
	}
	return ""
}

// slipOf is the known name in which another is a slip; "" for none.
func slipOf(name string, known []string) string {
	const longest = 20
	if len(name) > longest || slices.Contains(known, name) {
		return ""
	}
	return suggest.Nearest(name, known, suggest.Slips(name))
}

// checkInside checks what stands in fields whose shape is not written again.
func checkInside(name string, v []byte) error {
	switch name {
	case "stream_options":
		if v[0] == '{' {
			if problem := kindProblem(v, kindBool, "include_usage"); problem != "" {
				return Errorf(InvalidArgument, "stream_options%s", problem)
			}
			return checkNames(name, v, streamOptionNames)
		}
	case "reasoning", "audio", "prediction", "web_search_options":
		if v[0] == '{' {
			known := otherNames
			if name == "reasoning" {
				known = reasoningNames
			}
			if err := checkNames(name, v, known); err != nil {
				return err
			}
		}
		return checkWords(name, v)
	case "thinking":
		if v[0] == 't' || v[0] == 'f' {
			return Errorf(InvalidArgument, "request field \"thinking\" is %s; expected an object such as {\"type\": \"enabled\", \"budget_tokens\": 2048} or {\"type\": \"disabled\"}, as the vendor has it; \"reasoning_effort\" (\"none\" to \"high\") is for every vendor (\"extra_body\" sends it as it is)", shown.Value(v))
		}
		return checkWords(name, v)
	case "function_call":
		return checkChoice(name, v, functionWords, ` or {"name": …}`)
	case "reasoning_effort", "verbosity", "service_tier", "prompt_cache_retention", "modalities", "truncation", "output_config":
		return checkWords(name, v)
	case "max_tokens", "max_completion_tokens":
		return checkTokens(name, v)
	case "top_p", "min_p":
		return checkShare(name, v)
	case "stop":
		if v[0] == '[' {
			return checkStop(v)
		}
	}
	return nil
}

// checkShare refuses a part of what is likely that is no part of it. Of the
// temperature and the penalties servers take any number: below 0 llama.cpp
// takes the likeliest token. Each vendor's own bounds hold as well: its format
// changes the number and says so.
func checkShare(name string, value []byte) error {
	if n, err := strconv.ParseFloat(string(value), 64); err == nil && (n < 0 || n > 1) {
		return Errorf(InvalidArgument, "request field %q is %s; expected 0 to 1 (\"extra_body\" sends it as it is)", name, shown.Value(value))
	}
	return nil
}

// checkTokens refuses a negative number of tokens; 0 warms Anthropic's cache.
func checkTokens(name string, value []byte) error {
	if n, err := strconv.Atoi(string(value)); err == nil && n < 0 {
		return Errorf(InvalidArgument, "request field %q is %d; expected 0 or more (leave it out for no limit; \"extra_body\" sends it as it is)", name, n)
	}
	return nil
}

// checkStop refuses a list of stops that are no texts.
func checkStop(list []byte) error {
	for i, value := range elementsOf(list) {
		if value[0] != '"' {
			return Errorf(InvalidArgument, "stop[%d] is %s; expected a string (numbers of tokens go into \"stop_token_ids\", where a server has it)", i, shown.Value(value))
		}
	}
	return nil
}

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
