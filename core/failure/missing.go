package failure

import (
	"net/http"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/internal/wordlist"
)

// missing are the words of messages about a model that is not there.
var missing = []string{"does not exist", "not found", "unknown model", "model not exist", "no such model", "is not a valid model",
	"invalid model name", "invalid model id", "invalid model:", "invalid model `", "invalid model '", "invalid model \"", "unsupported model", "unrecognized model",
	"could not find model", "cannot find model", "no model named", "model disabled.", "model not available", "model not supported", "not a known model", "isn't a valid model",
	"decommissioned", "model identifier is invalid", "on-demand throughput isn", "is not supported for generatecontent"}

// noModel tells whether a message says that there is no such model. A server
// that failed may speak of something else of the model, so that behind a 500
// the model itself has to be what is missing; so in a 502 in JSON, which hands
// on what the server behind a gateway said.
func (s *said) noModel(status int, text string) bool {
	switch {
	case status == http.StatusTooManyRequests:
		return false
	case status < http.StatusInternalServerError:
		return strings.Contains(text, "model") && wordlist.AnyIn(text, missing) || strings.Contains(text, noModelZH)
	case status == http.StatusInternalServerError, status == http.StatusBadGateway && (s.sure || s.weak):
		return lacksModel(text) || strings.Contains(text, noModelZH)
	}
	return false
}

const noModelZH = "模型不存在"

// What servers call missing behind its name, and in front of it.
var (
	gone    = []string{"does not exist", "doesn't exist", "not found", "not exist"}
	nowhere = []string{"unknown model", "no such model", "could not find model", "cannot find model", "no model named"}
)

// maxClause is more than a clause that says so has, in bytes.
const maxClause = 256

// lacksModel tells whether a model is what a message calls missing: "model x-1
// not found", "unknown model: x", and not "tokenizer of model x-1 not found" or
// "unknown model type".
func lacksModel(text string) bool {
	for _, words := range gone {
		before, _, found := strings.Cut(text, words)
		before = before[max(0, len(before)-maxClause):]
		for at := len(before); found && at >= 0; {
			if at = strings.LastIndex(before[:at], "model"); at >= 0 && isClause(strings.Fields(before[:at]), strings.Fields(before[at:])) {
				return true
			}
		}
	}
	for _, words := range nowhere {
		if _, behind, found := strings.Cut(text, words); found {
			if next := strings.Fields(behind[:min(len(behind), maxClause)]); isClosed(behind) || areNames(next[:min(1, len(next))]) {
				return true
			}
		}
	}
	return false
}

// isClause tells whether a clause begins with a model and its name; before are
// the words in front of it.
func isClause(before, model []string) bool {
	for n := len(before); n > 0 && articles.Has(before[n-1]); n-- {
		before = before[:n-1]
	}
	return (model[0] == "model" || strings.ContainsAny(model[0], "=:'\"`")) && areNames(model[1:]) &&
		(len(before) == 0 || strings.ContainsAny(before[len(before)-1], ".:;,])>(\"'"))
}

// areNames tells whether words beside "model" are at most its name: quoted, or
// no plain word.
func areNames(words []string) bool {
	return !slices.ContainsFunc(words, func(word string) bool {
		return !nameWords.Has(word) && !strings.ContainsAny(strings.TrimRight(word, ".,:;"), "0123456789-/:._=`'\"")
	})
}

// Plain words around a model's name.
const (
	articles  wordlist.List = "the this requested specified"
	nameWords wordlist.List = "id uid name named with is was"
)
