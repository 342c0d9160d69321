package exchange

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/llmagg/llmagg/core/internal/wordlist"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// A request never fails because of fields that its caller did not send (T5),
// and a message that one vendor wrote must stay usable with the others. So if a
// server refuses a request, and a field that the core has added or a field that
// only answers have may be the reason, the server is asked again at once
// without that field, within the same attempt. The route remembers which
// request its server accepted for which model. A field that no server has
// refused is never left out.

const (
	// maxAgain is how often one attempt asks again.
	maxAgain = 3
	// maxPared bounds what is remembered of a model, maxModels of how many
	// models of a route beside its own.
	maxPared  = 64
	maxModels = 256
	// After maxVain attempts in a row whose guesses did not help, a route stops
	// guessing for vainPause: its server refuses something else.
	maxVain   = 2
	vainPause = time.Minute
)

// asking counts how an exchange asked its server again. The attempt's goroutine
// owns it.
type asking struct {
	again int8 // how often the server was asked again
	blind int8 // how many of these tries followed a refusal that names nothing
}

// memory is what a route knows about its server, as it answers for the route's
// model. Its zero value is ready for use, by several goroutines.
type memory struct {
	pared  atomic.Pointer[[]string] // never changed in place
	proven [2]atomic.Bool           // the additions to whole answers and to streams were taken
	vain   atomic.Int32             // attempts in a row whose guesses changed nothing
	plain  atomic.Bool              // vectors in base64 are refused
	texts  atomic.Bool              // documents are called so
	quiet  atomic.Int64             // until when no guess is made: the time since loaded

	mu     sync.Mutex         // guards what follows
	others map[string]*memory // of the other models that calls named
}

// memoryOf is what is known of the model that an exchange asks for: what one
// model refuses, another of the same server may take.
func (u *Upstream) memoryOf(x *Exchange) *memory {
	m := u.memory
	if x.Model == u.Model {
		return m
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	name := x.Model
	if m.others[name] == nil && len(m.others) >= maxModels {
		name = "" // of all further ones
	}
	if m.others == nil {
		m.others = map[string]*memory{}
	}
	if m.others[name] == nil {
		m.others[name] = new(memory)
	}
	return m.others[name]
}

// loaded is a time to count from: a wall clock that is set changes nothing.
var loaded = time.Now()

// guessed notes how an attempt's guesses ended.
func (m *memory) guessed(right bool) {
	switch {
	case right:
		m.vain.Store(0)
	case m.vain.Add(1) >= maxVain:
		m.quiet.Store(int64(time.Since(loaded) + vainPause))
	}
}

// mayGuess tells whether a guess may be made now.
func (m *memory) mayGuess() bool {
	return m.vain.Load() < maxVain || int64(time.Since(loaded)) >= m.quiet.Load()
}

func (m *memory) omitted() []string {
	if known := m.pared.Load(); known != nil {
		return *known
	}
	return nil
}

// change replaces the remembered names by the result of f.
func (m *memory) change(f func(known []string) []string) {
	for {
		old := m.pared.Load()
		var known []string
		if old != nil {
			known = slices.Clone(*old)
		}
		if known = f(known); len(known) > maxPared {
			return
		}
		if m.pared.CompareAndSwap(old, &known) {
			return
		}
	}
}

func (m *memory) isProven(stream bool) *atomic.Bool {
	if stream {
		return &m.proven[1]
	}
	return &m.proven[0]
}

// Taken notes that the server accepted the request.
func (u *Upstream) Taken(x *Exchange) {
	if x.again > 0 {
		if x.blind > 0 {
			u.memoryOf(x).guessed(true)
		}
		left := x.Left
		u.memoryOf(x).change(func(known []string) []string {
			for _, name := range left {
				if !slices.Contains(known, name) {
					known = append(known, name)
				}
			}
			return known
		})
	}
	if x.Added && len(x.Left) == 0 {
		if proven := u.memoryOf(x).isProven(x.Stream); !proven.Load() {
			proven.Store(true)
		}
	}
}

// Pare tells whether to ask the server again after err; x then leaves out the
// fields that may be the reason. afford takes a guess from the route's retry
// budget (R5).
func (u *Upstream) Pare(x *Exchange, err error, afford func() bool) bool {
	var e *llm.Error
	if !errors.As(err, &e) {
		return false
	}
	again := u.pare(x, e, afford)
	if !again && x.blind > 0 && e.Code == llm.BadRequest {
		u.memoryOf(x).guessed(false)
	}
	return again
}

func (u *Upstream) pare(x *Exchange, e *llm.Error, afford func() bool) bool {
	if x.again >= maxAgain {
		return false
	}
	said := wordsOf([]byte(e.Body))
	if u.tune(x, e, said) || mayBeRefusal(e) && u.restore(x, said) {
		x.again++
		return true
	}
	if !mayBeRefusal(e) {
		return false
	}
	var named, others []wire.Suspect
	for _, s := range u.Format.Suspects(&x.Call) {
		if x.omits(s.Name) {
			continue
		}
		if said.any(s.Words) && (s.Name != llm.OmitStream || e.Status/100 == 4 || speaksOfFields(e.Body)) {
			named = append(named, s)
		}
		if !s.Named {
			others = append(others, s)
		}
	}
	switch {
	case len(named)+len(others) == 0:
		return false
	case len(named) > 0:
		last := x.again == maxAgain-1
		for _, s := range others { // at last all of the history, since servers name one field at a time
			if last && s.History && slices.ContainsFunc(named, func(n wire.Suspect) bool { return n.History }) && !slices.ContainsFunc(named, func(n wire.Suspect) bool { return n.Name == s.Name }) {
				named = append(named, s)
			}
		}
		x.Omit = withNames(x.Omit, named)
	case e.Code != llm.BadRequest || e.Status != 400 && e.Status != 422 || x.blind == 0 && !u.memoryOf(x).mayGuess():
		return false
	default:
		before, blind := x.Omit, x.blind
		if !u.guess(x, others, e, said) {
			return false
		}
		if !afford() {
			x.Omit, x.blind = before, blind
			return false
		}
	}
	x.again++
	return true
}

// mayBeRefusal tells whether e can be due to a field of the request.
func mayBeRefusal(e *llm.Error) bool {
	switch e.Code {
	case llm.Authentication, llm.Quota, llm.RateLimit, llm.ContentFilter, llm.ContextLength, llm.Timeout, llm.Canceled, llm.Closed, llm.StreamInterrupted:
		return false
	}
	switch e.Status {
	case 400, 404, 406, 413, 415, 422:
		return e.Code != llm.Unavailable // a proxy's "stream" is no field of the request
	case 0, 200, 500, 501: // inside an answer, or of a server that fell over the field
		return e.Body != "" && (e.Code == llm.BadRequest || refuses(e.ProviderMessage+" "+e.Body))
	}
	return false
}

// refusing are words of those who do not know a field.
var refusing = []string{"unexpected", "unknown", "unrecogni", "unsupported", "not support", "not permitted", "not allowed", "forbidden",
	"invalid", "extra", "additional propert", "does not exist", "cannot find", "no such", "not implemented", "keyword argument",
	"不支持", "未知", "非法", "无效", "不合法", "不允许", "不识别", "错误的参数", "参数错误", "サポート", "不正"}

// speaksOfFields tells whether "stream" in a text is likely the field. Servers
// that fail speak of streams as well: "unexpected end of stream".
func speaksOfFields(text string) bool { return wordlist.AnyIn(strings.ToLower(text), ofFields) }

var ofFields = []string{"argument", "field", "param", "keyword", "propert", "attribute", "input", "option",
	`'stream'`, `"stream\`, `"stream"`, "`stream`", "参数", "字段"}

func refuses(text string) bool { return wordlist.AnyIn(strings.ToLower(text), refusing) }

// restore puts back fields that the route leaves out as a habit, if the server
// now asks for them. A server that has refused the form of a field does not ask
// for the field by its name.
func (u *Upstream) restore(x *Exchange, said words) bool {
	suspects := u.Format.Suspects(&x.Call)
	return u.forget(x, func(name string) bool {
		return said.any(wire.WordsFor(name)) && !slices.ContainsFunc(suspects, func(s wire.Suspect) bool { return s.Named && s.Name == name })
	})
}

// guess leaves out fields after a refusal that names none: first those that the
// core added, unless the server is known to accept them; then those that only
// answers have; then both. If a refusal names a field of the caller's, nothing
// is left out.
func (u *Upstream) guess(x *Exchange, suspects []wire.Suspect, e *llm.Error, said words) bool {
	if x.blind == 0 {
		x.base = x.Omit
	}
	var ours, theirs []wire.Suspect
	for _, s := range suspects {
		switch {
		case s.History:
			theirs = append(theirs, s)
		case !u.memoryOf(x).isProven(x.Stream).Load() && !u.Own && (x.Stream || aboutFields(e)):
			ours = append(ours, s)
		}
	}
	if len(said) > 0 {
		if x.Payload.Names(func(name string) bool { return said[wire.PlainWord(name)] && !unnamed.Has(name) }) {
			return false
		}
		if said["messages"] || said["message"] && said["role"] {
			ours = nil
		}
	}
	switch {
	case x.blind == 0 && len(ours) > 0:
		x.blind, x.Omit = 1, withNames(x.base, ours)
	case x.blind <= 1 && len(theirs) > 0:
		x.blind, x.Omit = 2, withNames(x.base, theirs)
	case x.blind == 2 && x.again < maxAgain && len(ours) > 0:
		x.blind, x.Omit = 3, withNames(x.Omit, ours)
	default:
		return false
	}
	return true
}

// aboutFields tells whether a refusal that names no field is one of fields, or
// says nothing but that it is one. "stream": false is known to nearly all
// servers, so others are not taken for its refusal.
func aboutFields(e *llm.Error) bool {
	text := strings.ToLower(e.ProviderMessage + " " + e.Type + " " + e.ProviderCode)
	return e.Status == 422 || strings.TrimSpace(text) == "" || wordlist.AnyIn(text, ofRequests)
}

var ofRequests = []string{"bad request", "field", "param", "argument", "propert", "extra",
	"input", "schema", "validation", "unrecogni", "unknown", "unexpected", "参数", "字段"}

// unnamed are fields whose names are words of plain language.
const unnamed wordlist.List = "model messages stream n user stop"

// Called, not inlined: 1.6 KB less of the library.
//
//go:noinline
func withNames(names []string, more []wire.Suspect) []string {
	names = slices.Clone(names)
	for _, s := range more {
		names = append(names, s.Name)
	}
	return names
}

// words are the words of a refusal, as [wire.PlainWord] writes them.
type words map[string]bool

//go:noinline
func (w words) any(of []string) bool {
	return slices.ContainsFunc(of, func(word string) bool { return w[word] })
}

// echoes are keys under which servers repeat the request.
const echoes wordlist.List = "input input_value body request request_body payload ctx url"

// wordsOf gives the words of a refusal, names of fields among them, without
// what the server only repeats of the request.
func wordsOf(body []byte) words {
	w := words{}
	var all any
	if json.Valid(body) && llm.JSON.Unmarshal(body, &all) == nil {
		w.value(all)
	} else {
		w.text(string(body))
	}
	return w
}

// maxWords bounds what is looked at in one refusal.
const maxWords = 4096

func (w words) text(text string) {
	from := -1
	for i := 0; i <= len(text) && len(w) < maxWords; i++ {
		inside := i < len(text) && (text[i] == '_' || text[i] >= '0' && text[i] <= '9' || text[i] >= 'a' && text[i] <= 'z' || text[i] >= 'A' && text[i] <= 'Z')
		switch {
		case inside && from < 0:
			from = i
		case !inside && from >= 0:
			w[wire.PlainWord(text[from:i])] = true
			from = -1
		}
	}
}

// value adds the texts and keys of a JSON value. Keys may name fields:
// {"errors": {"stream_options": ["unknown"]}}.
func (w words) value(value any) {
	switch v := value.(type) {
	case string:
		w.text(v)
	case []any:
		for _, item := range v {
			w.value(item)
		}
	case map[string]any:
		for key, inner := range v {
			if echoes.Has(key) {
				continue
			}
			if !envelope.Has(key) {
				w.text(key)
			}
			w.value(inner)
		}
	}
}

// envelope are the keys in which errors come; none of them names a field.
const envelope wordlist.List = `
error errors message messages detail details type code param status object msg loc title instance metadata provider_name raw
request_id id user user_id reason name index content`
