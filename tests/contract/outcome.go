package contract

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/llmagg/llmagg/core/faultwall"
)

// flight is one call that has been made: its events, as they come.
type flight struct {
	id      uint64
	began   time.Time
	stream  bool
	texts   []string      // whose vectors are asked for
	done    chan struct{} // closed after the terminal event
	changed chan struct{} // told, without blocking, of each event

	mu     sync.Mutex // guards events
	events []Event
}

func newFlight(id uint64, stream bool) *flight {
	return &flight{id: id, stream: stream, began: time.Now(), done: make(chan struct{}), changed: make(chan struct{}, 1)}
}

func (f *flight) hear(e Event) {
	f.mu.Lock()
	ended := len(f.events) > 0 && f.events[len(f.events)-1].terminal()
	f.events = append(f.events, e)
	f.mu.Unlock()
	select {
	case f.changed <- struct{}{}:
	default:
	}
	if e.terminal() && !ended {
		close(f.done)
	}
}

func (f *flight) chunks() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, e := range f.events {
		if e.Kind == "chunk" {
			n++
		}
	}
	return n
}

// outcome is what a call came to. See README.md for its parts.
func (f *flight) outcome() map[string]any {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := map[string]any{}
	var kinds, restarts []any
	joined := joiner{}
	chunks := 0
	for i := range f.events {
		e := &f.events[i]
		if len(kinds) == 0 || kinds[len(kinds)-1] != e.Kind {
			kinds = append(kinds, e.Kind)
		}
		switch e.Kind {
		case "chunk":
			if chunks++; chunks == 1 {
				o["first_chunk"] = e.At.Sub(f.began).Seconds()
			}
			joined.add(decode(e.Data))
		case "restart":
			restarts = append(restarts, decode(e.Data))
			joined = joiner{}
		default:
			o["time"] = e.At.Sub(f.began).Seconds()
			if e.Kind == "error" {
				setError(o, decode(e.Data))
			} else {
				o["code"] = "OK"
				o["result"] = decode(e.Data)
				setResponse(o, decode(e.Data))
				setVectors(o, decode(e.Data), f.texts)
			}
		}
	}
	o["events"], o["restarts"], o["chunks"] = kinds, restarts, float64(chunks)
	if f.stream {
		o["streamed"] = joined.document()
	}
	return o
}

func setError(o map[string]any, data any) {
	e, ok := data.(map[string]any)
	if !ok {
		o["code"] = "(no error document)"
		return
	}
	o["error"], o["code"] = e, e["name"]
	setAttempts(o, e["attempts"])
}

func setAttempts(o map[string]any, attempts any) {
	list, _ := attempts.([]any)
	trail := []any{}
	for _, item := range list {
		a, _ := item.(map[string]any)
		line := fmt.Sprint(a["route"], " ", a["outcome"])
		if status, ok := a["status"].(float64); ok {
			line += " " + itoa(int(status))
		}
		trail = append(trail, line)
	}
	o["attempts"], o["trail"] = attempts, trail
}

func setResponse(o map[string]any, data any) {
	r, ok := data.(map[string]any)
	if !ok || r["choices"] == nil {
		return
	}
	o["response"], o["model"], o["usage"] = r, r["model"], r["usage"]
	setAttempts(o, r["attempts"])
	choices, _ := r["choices"].([]any)
	if len(choices) == 0 {
		return
	}
	choice, _ := choices[0].(map[string]any)
	message, _ := choice["message"].(map[string]any)
	o["finish_reason"] = choice["finish_reason"]
	o["reasoning"], o["refusal"], o["tool_calls"] = message["reasoning_content"], message["refusal"], message["tool_calls"]
	o["text"] = plainText(message["content"])
}

// setVectors is setResponse for the vectors of texts, and for rankings.
func setVectors(o map[string]any, data any, texts []string) {
	r, _ := data.(map[string]any)
	vectors, ok := r["embeddings"].([]any)
	if !ok && r["results"] == nil {
		return
	}
	o["response"], o["model"], o["usage"] = r, r["model"], r["usage"]
	setAttempts(o, r["attempts"])
	if !ok { // a ranking
		return
	}
	inOrder := len(vectors) == len(texts)
	for i := 0; inOrder && i < len(texts); i++ {
		numbers, _ := vectors[i].([]any)
		for k, x := range faultwall.Vector(texts[i], len(numbers)) {
			got, _ := numbers[k].(float64)
			inOrder = inOrder && math.Abs(got-float64(x)) < 1e-6
		}
	}
	o["in_order"] = inOrder
}

// textsOf are the texts of a request for vectors.
func textsOf(request any) (texts []string) {
	r, _ := request.(map[string]any)
	if one, ok := r["input"].(string); ok {
		return []string{one}
	}
	all, _ := r["input"].([]any)
	for _, item := range all {
		text, _ := item.(string)
		texts = append(texts, text)
	}
	return texts
}

// plainText is the text of a content: itself, or its text parts joined.
func plainText(content any) string {
	text, _ := content.(string)
	parts, _ := content.([]any)
	for _, item := range parts {
		part, _ := item.(map[string]any)
		piece, _ := part["text"].(string)
		text += piece
	}
	return text
}

// joiner joins chunks, as a reader of the stream would.
type joiner struct {
	text, reasoning, refusal strings.Builder
	calls                    map[float64]map[string]any
	finish, usage            any
}

func (j *joiner) add(data any) {
	chunk, _ := data.(map[string]any)
	if usage := chunk["usage"]; usage != nil {
		j.usage = usage
	}
	choices, _ := chunk["choices"].([]any)
	for _, item := range choices {
		choice, _ := item.(map[string]any)
		if choice["index"] != 0.0 {
			continue
		}
		if choice["finish_reason"] != nil {
			j.finish = choice["finish_reason"]
		}
		delta, _ := choice["delta"].(map[string]any)
		for key, to := range map[string]*strings.Builder{"content": &j.text, "reasoning_content": &j.reasoning, "refusal": &j.refusal} {
			to.WriteString(plainText(delta[key]))
		}
		calls, _ := delta["tool_calls"].([]any)
		for _, call := range calls {
			j.addCall(call)
		}
	}
}

func (j *joiner) addCall(data any) {
	delta, _ := data.(map[string]any)
	index, _ := delta["index"].(float64)
	if j.calls == nil {
		j.calls = map[float64]map[string]any{}
	}
	call := j.calls[index]
	if call == nil {
		call = map[string]any{"arguments": ""}
		j.calls[index] = call
	}
	if delta["id"] != nil {
		call["id"] = delta["id"]
	}
	function, _ := delta["function"].(map[string]any)
	if name, _ := function["name"].(string); name != "" {
		before, _ := call["name"].(string)
		call["name"] = before + name
	}
	arguments, _ := function["arguments"].(string)
	call["arguments"] = call["arguments"].(string) + arguments
}

func (j *joiner) document() map[string]any {
	calls := []any{}
	for _, index := range slices.Sorted(maps.Keys(j.calls)) {
		calls = append(calls, j.calls[index])
	}
	return map[string]any{"text": j.text.String(), "reasoning": j.reasoning.String(), "refusal": j.refusal.String(),
		"tool_calls": calls, "finish_reason": j.finish, "usage": j.usage}
}

// sound are the promises that hold for every call, whatever a case expects.
func (f *flight) sound(door string, o map[string]any) []string {
	var failures []string
	f.mu.Lock()
	terminal := 0
	for i := range f.events {
		e := &f.events[i]
		if e.terminal() {
			terminal++
		}
		if strings.Contains(string(e.Data), Key) {
			failures = append(failures, "the key occurs in "+e.Kind+": "+short(decode(e.Data)))
		}
	}
	if terminal != 1 || !f.events[len(f.events)-1].terminal() {
		failures = append(failures, fmt.Sprintf("%d terminal events; expected one, the last", terminal))
	}
	f.mu.Unlock()
	if streamed, ok := o["streamed"].(map[string]any); ok && o["response"] != nil && o["code"] == "OK" {
		for part, whole := range map[string]string{"text": "text", "reasoning": "reasoning", "refusal": "refusal"} {
			if got, _ := o[whole].(string); got != streamed[part] && f.complete() {
				failures = append(failures, fmt.Sprintf("the %s of the whole response, %s, is not what its chunks joined give, %s", part, short(o[whole]), short(streamed[part])))
			}
		}
	}
	if e, ok := o["error"].(map[string]any); ok {
		failures = append(failures, soundError(door, e)...)
	}
	return failures
}

func (f *flight) complete() bool { return f.events[len(f.events)-1].Kind == "done" }

// pythonClasses is the Python column of the table of errors: the class, and
// the builtin class that it also is.
var pythonClasses = map[string][2]string{
	"INVALID_ARGUMENT": {"InvalidArgumentError", "ValueError"}, "INVALID_HANDLE": {"ClosedError", ""}, "CLOSED": {"ClosedError", ""},
	"INTERNAL": {"InternalError", ""}, "FORKED": {"ForkedError", ""}, "NOT_INITIALIZED": {"NotInitializedError", "RuntimeError"},
	"PROVIDER_NOT_FOUND": {"ProviderNotFoundError", ""}, "MODEL_NOT_FOUND": {"ModelNotFoundError", ""},
	"AUTHENTICATION": {"AuthenticationError", "APIError"}, "QUOTA": {"QuotaExceededError", "RateLimitError"},
	"RATE_LIMIT": {"RateLimitError", "APIError"}, "BAD_REQUEST": {"BadRequestError", "APIError"},
	"CONTEXT_LENGTH": {"ContextLengthError", "BadRequestError"}, "CONTENT_FILTER": {"ContentFilterError", "BadRequestError"},
	"TIMEOUT": {"APITimeoutError", "TimeoutError"}, "UNAVAILABLE": {"ServiceUnavailableError", "APIError"},
	"BAD_RESPONSE": {"BadResponseError", "APIError"}, "STREAM_INTERRUPTED": {"StreamInterruptedError", "APIError"},
	"CIRCUIT_OPEN": {"CircuitOpenError", "APIError"}, "OVERLOADED": {"OverloadedError", "APIError"},
	"ALL_FAILED": {"AllModelsFailedError", "RuntimeError"}, "UNSUPPORTED": {"UnsupportedError", "APIError"},
	"CANCELED": {"CanceledError", ""},
}

func soundError(door string, e map[string]any) []string {
	var failures []string
	name, _ := e["name"].(string)
	if message, _ := e["message"].(string); message == "" {
		failures = append(failures, "the error has no message: "+short(e))
	}
	if door != "python" || e["classes"] == nil { // asyncio's own cancellation has no class of ours
		return failures
	}
	classes, _ := e["classes"].([]any)
	expected := pythonClasses[name]
	if status, _ := e["status"].(float64); name == "MODEL_NOT_FOUND" && status != 0 {
		// A server's answer is an APIError, too.
		if !slices.Contains(classes, any("ModelNotFoundError")) {
			failures = append(failures, "a server's MODEL_NOT_FOUND is no ModelNotFoundError: "+short(classes))
		}
		expected = [2]string{"UnknownModelError", "APIError"}
	}
	if len(classes) == 0 || classes[0] != expected[0] || !slices.Contains(classes, any("LLMError")) ||
		expected[1] != "" && !slices.Contains(classes, any(expected[1])) {
		failures = append(failures, fmt.Sprintf("%s is raised as %s; expected %v and LLMError", name, short(classes), expected))
	}
	return failures
}
