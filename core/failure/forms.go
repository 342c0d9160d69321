package failure

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/llm"
)

// The forms in which servers say that a request failed, as data. Names are
// folded (see fieldsOf), so one entry stands for all its spellings.

// besideChoices are the fields that mean a failure also where there are
// choices, as they are spelled in OpenAI's and in Gemini's answers.
var besideChoices = []string{"error", "base_resp", "error_code", "error_msg", "x_groq"}

// inner are the fields whose values are errors themselves, those that say most
// first. An answer has none of the strong ones; it has a sure one only if it
// failed after it had begun. The others count by what they hold.
var inner = []struct {
	name         string
	strong, sure bool
	shape        shape
}{
	{name: "error", strong: true, sure: true}, // OpenAI, and nearly everybody
	{name: "errors", strong: true},            // Cloudflare, GraphQL, RFC 9457
	{name: "errormsg", sure: true},            // Tencent, in streams: {"Code", "Msg"}
	{name: "err", strong: true},
	{name: "failure", strong: true},
	{name: "fault", strong: true},                  // Apigee
	{name: "exception", strong: true},              // old servlets
	{name: "baseresp", sure: true, shape: miniMax}, // {"status_code", "status_msg"}
	{name: "responsemetadata"},                     // Volcengine: {"Error": {"Code", "Message"}}
	{name: "response"},                             // Tencent: {"Error": {"Code", "Message"}}; OpenAI's response.failed
	{name: "data"},                                 // gateways' envelopes: {"error": {"message"}}
	{name: "result"},
	{name: "header", shape: spark}, // {"code", "message"}
	{name: "xgroq"},                // Groq, where it stops a stream early: {"id", "error"}
	{name: "message"},              // of an answer: {"content", "error"}
	{name: "delta"},                // of Anthropic's message_delta, as is the next
	{name: "contentblock"},
}

// messages are the fields that hold words for people, the clearest first; soft
// are those that answers have, too.
var (
	messages = []string{"message", "errormessage", "errormsg", "errmsg", "errordescription", "statusmsg", "statusmessage",
		"detail", "msg", "faultstring"}
	soft = []string{"reason", "description", "title", "note", "details", "finishmessage"}
)

// codes are the fields that hold a code for programs, kinds those that hold a
// word for the kind of failure, ids those that name the request.
var (
	codes = []string{"code", "errorcode", "errcode", "errno", "statuscode", "retcode", "returncode", "grpccode", "httpcode", "httpstatus", "httpstatuscode"}
	kinds = []string{"type", "errortype", "exceptiontype"} // AWS's "__type" folds to "type"
	ids   = []string{"requestid", "traceid", "logid", "sid"}
)

// Words of fields that tell how a request went.
var (
	wellWords   = []string{"ok", "success", "succeeded", "completed", "pending", "queued", "processing", "running", "inprogress"}
	aliveWords  = []string{"heartbeat", "keepalive", "ping", "pong", "progress", "queue", "status", "info", "notice", "log", "debug"} // of events
	failedWords = []string{"error", "failed", "failure", "fail"}
	failedMarks = []string{"failed", "iserror", "haserror", "errored", "aborted"} // true
)

// object reads an object.
func (s *said) object(f fields, depth int) {
	if depth == 0 {
		s.answer = isList(f["choices"]) || isList(f["candidates"])
	}
	s.inside(f, depth)
	s.words(f, depth)
	s.marks(f, depth)
	s.google(f)
	s.upstream(f, depth)
}

// isList tells whether a value is a list that holds an object.
func isList(raw json.RawMessage) bool {
	var items []json.RawMessage
	return len(raw) > 0 && raw[0] == '[' && llm.JSON.Unmarshal(raw, &items) == nil &&
		slices.ContainsFunc(items, func(item json.RawMessage) bool { return len(item) > 0 && item[0] == '{' })
}

// inside reads the errors that stand in an object: they say more than what
// stands around them.
func (s *said) inside(f fields, depth int) {
	for _, place := range inner {
		raw, ok := f[place.name]
		if !ok || !SaysSomething(raw) || !place.strong && raw[0] != '{' {
			continue
		}
		e := said{shape: place.shape}
		if e.read(raw, depth+1); e.message == "" && raw[0] == '{' {
			e.byField(raw)
		}
		if e.strong = e.strong || e.sure || place.strong; !e.strong {
			continue
		}
		e.sure = e.sure || place.sure
		if text := textOf(raw); isName(text) { // {"error": "invalid_client"}
			e.kind = text
		}
		e.bare = raw[0] == '"'
		if code := scalar(raw); !e.bare && code != "" { // {"error": 429}
			e.code, e.status = code, httpStatus(code)
		}
		s.adopt(&e)
	}
}

// words reads the messages of an object. What an error inside it said comes
// first, unless that was a bare text: then the object has the details.
func (s *said) words(f fields, depth int) {
	inner := s.message
	if inner != "" && !s.bare {
		return
	}
	s.message = ""
	for _, name := range messages {
		if raw := f[name]; SaysSomething(raw) && !isAnswer(raw) && s.message == "" {
			s.read(raw, depth+1)
			s.weak = s.message != ""
			if title := textOf(f["title"]); name == "detail" && s.weak && title != "" && !strings.Contains(s.message, title) { // RFC 9457
				s.message = title + ": " + s.message
			}
		}
	}
	for _, name := range soft {
		if s.message == "" {
			s.say(textOf(f[name]), depth)
			_, chunk := f["choices"]
			s.weak = s.message != "" && !chunk
		}
	}
	switch {
	case s.message == "":
		s.message = inner
	case inner != "" && !isName(inner) && !strings.Contains(s.message, inner):
		s.message = inner + ": " + s.message
	}
	s.refuses(refused(f))
}

// isAnswer tells whether the value of a "message" is one of an answer, as in
// Ollama's and Anthropic's own formats.
func isAnswer(raw json.RawMessage) bool {
	if raw[0] != '{' {
		return false
	}
	f := fieldsOf(raw)
	return f["role"] != nil || f["content"] != nil
}

// refused is the field of the request that an error is about: FastAPI's "loc",
// OpenAI's "param", RFC 9457's "pointer".
func refused(f fields) string {
	var path []any
	if raw := f["loc"]; len(raw) > 0 && raw[0] == '[' && llm.JSON.Unmarshal(raw, &path) == nil {
		return strings.Trim(strings.ReplaceAll(fmt.Sprint(path), " ", "."), "[]")
	}
	for _, name := range []string{"loc", "param", "field", "pointer", "parameter"} {
		if text := scalar(f[name]); text != "" {
			return text
		}
	}
	return ""
}

// marks reads what is for programs: codes, kinds, ids, and whether it went
// well.
func (s *said) marks(f fields, depth int) {
	for _, name := range codes {
		code := scalar(f[name])
		if code == "" {
			continue
		}
		if isWell(code) {
			s.success = true
			continue
		}
		s.strong = true
		if s.sure = s.sure || name == "errorcode"; s.code == "" {
			s.code = code
		}
		s.status = cmp.Or(s.status, httpStatus(code))
	}
	for _, name := range kinds {
		s.kind = cmp.Or(s.kind, scalar(f[name]))
	}
	for _, name := range ids {
		s.request = cmp.Or(s.request, scalar(f[name]))
	}
	s.id = cmp.Or(textOf(f["id"]), s.id)                                 // Qianfan, Together, Hunyuan; inside it may be the error's own
	if reason := textOf(f["reason"]); s.reason == "" && isName(reason) { // Novita's "NOT_ENOUGH_BALANCE"
		s.reason = reason
	}
	s.outcome(f)
	if s.shape == "" {
		s.shape = shapeOf(f, depth)
	}
	if number := numberBehind(s.message); number != "" && (s.code == "" || httpStatus(s.code) != 0) {
		s.code, s.shape = number, miniMax
	}
}

// outcome reads the fields that say how it went.
func (s *said) outcome(f fields) {
	status := scalar(f["status"])
	for _, word := range []string{scalar(f["object"]), scalar(f["event"]), scalar(f["type"]), status} {
		word = suggest.Fold(word)
		s.strong = s.strong || slices.Contains(failedWords, word)
		s.success = s.success || slices.Contains(wellWords, word) || slices.Contains(aliveWords, word)
	}
	if kind := suggest.Fold(scalar(f["type"])); strings.HasSuffix(kind, "error") || strings.HasSuffix(kind, "exception") {
		s.strong = true
	}
	for _, name := range []string{"success", "ok"} {
		switch strings.Trim(string(f[name]), `"`) {
		case "true":
			s.success = true
		case "false":
			s.strong = true
		}
	}
	for _, name := range failedMarks {
		s.strong = s.strong || strings.Trim(string(f[name]), `"`) == "true"
	}
	if n := httpStatus(status); n != 0 {
		s.strong = true
		s.status = cmp.Or(s.status, n)
	} else if s.kind == "" && len(f["status"]) > 0 && f["status"][0] == '"' {
		s.kind = status // Gemini's "RESOURCE_EXHAUSTED"
	}
}

// isName tells whether a text is a word for programs, such as "rate_limited"
// or "InvalidApiKey", and not one for people.
func isName(text string) bool {
	joined := false
	for i := range len(text) {
		switch c := text[i]; {
		case c == '_' || c == '.' || c == '-' || c == '#':
			joined = true
		case 'A' <= c && c <= 'Z':
			joined = joined || i > 0 && 'a' <= text[i-1] && text[i-1] <= 'z'
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
		default:
			return false
		}
	}
	return joined && len(text) < MaxWord
}

// errorDetail is an item of Gemini's details (google.rpc.ErrorInfo, RetryInfo,
// BadRequest).
type errorDetail struct {
	Type       string          `json:"@type"`
	Reason     string          `json:"reason"`
	RetryDelay json.RawMessage `json:"retryDelay"`
	Violations []struct {
		Field       string `json:"field"`
		Description string `json:"description"`
	} `json:"fieldViolations"`
}

// google reads Gemini's details.
func (s *said) google(f fields) {
	var details []json.RawMessage
	_ = llm.JSON.Unmarshal(f["details"], &details) // other servers put other things there
	for _, raw := range details {
		var d errorDetail
		if llm.JSON.Unmarshal(raw, &d) != nil {
			continue
		}
		s.reason = cmp.Or(s.reason, d.Reason)
		if v, ok := strings.CutSuffix(textOf(d.RetryDelay), "s"); ok && strings.HasSuffix(d.Type, "RetryInfo") {
			s.delay, s.hasDelay = positive(v, time.Second)
		}
		for _, v := range d.Violations {
			s.refuses(v.Field)
		}
	}
}

// upstream reads what a gateway hands on of the server behind it: OpenRouter's
// metadata, the value of which Vercel's says that it is no answer, Azure's
// inner error.
func (s *said) upstream(f fields, depth int) {
	meta, value := fieldsOf(f["metadata"]), f["value"]
	if !strings.HasPrefix(scalar(f["type"])+scalar(f["name"]), "AI_") { // other servers repeat the request there
		value = nil
	}
	if (meta != nil || value != nil) && depth < maxDepth {
		var up said
		up.read(meta["raw"], depth+1)
		up.read(value, depth+1)
		name := scalar(meta["providername"])
		if s.upstreamSaid == "" && up.message != "" {
			name = cmp.Or(name, "upstream")
			s.upstreamSaid = name + " said: " + up.message
		}
		if s.reason == "" {
			s.reason = strings.TrimSpace(up.kind + " " + up.code + " " + up.reason)
		}
		s.status = cmp.Or(s.status, up.status)
		if !s.hasDelay {
			s.delay, s.hasDelay = up.delay, up.hasDelay
		}
		if h := fieldsOf(meta["headers"]); !s.hasDelay {
			s.delay, s.hasDelay = namedWait(func(name string) string { return scalar(h[suggest.Fold(name)]) }, time.Now())
		}
	}
	if in := fieldsOf(f["innererror"]); in != nil && s.reason == "" {
		s.reason = scalar(in["code"])
	}
}
