package faultwall

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/llmagg/llmagg/core/llm"
)

// Batches says how the wall works off batches of requests: OpenAI's (files and
// batches) and Anthropic's message batches. Each request of a batch uses a step
// of its model. The zero Batches is healthy: a batch has ended when it is
// looked at for the second time.
type Batches struct {
	Polls       *int `json:"polls,omitempty"`
	Done        *int `json:"done,omitempty"`
	Unordered   bool `json:"unordered,omitempty"`
	Duplicate   int  `json:"duplicate,omitempty"`
	Missing     int  `json:"missing,omitempty"`
	Refuse      bool `json:"refuse,omitempty"`
	MaxRequests int  `json:"max_requests,omitempty"`
}

func (b *Batches) check() error {
	if b == nil {
		return nil
	}
	if b.Duplicate < 0 || b.Missing < 0 || b.MaxRequests < 0 || b.Polls != nil && *b.Polls < 0 || b.Done != nil && *b.Done < 0 {
		return fmt.Errorf("batches: a number is below 0: %+v", *b)
	}
	return nil
}

// batches are the files and batches that clients of a wall made.
type batches struct {
	mu    sync.Mutex // guards what follows
	files map[string][]byte
	made  map[string]*batch
}

// batch is one of them.
type batch struct {
	id, input, endpoint  string
	metadata             json.RawMessage
	anthropic            bool
	total                int
	polls                int
	status               string
	good, bad            [][]byte // lines of results
	succeeded, failed    int
	expired              int
	outputFile, badLines string
}

const (
	batchInProgress = "in_progress"
	batchCompleted  = "completed"
	batchExpired    = "expired"
	batchFailed     = "failed"
	batchCancelled  = "cancelled"
)

// batchItem is a request of a batch in either form.
type batchItem struct {
	CustomID string          `json:"custom_id"`
	Body     json.RawMessage `json:"body"`
	Params   json.RawMessage `json:"params"`
	URL      string          `json:"url"`
}

// batched answers a request about files and batches; nil for other requests.
func (w *Wall) batched(r *http.Request, body []byte) *Step {
	path, isAnthropic := r.URL.Path, false
	at := strings.LastIndex(path, "/files")
	if found := strings.LastIndex(path, "/batches"); found >= 0 {
		at, isAnthropic = found, strings.HasSuffix(path[:found], "/messages")
	}
	if at < 0 {
		return nil
	}
	w.mu.Lock()
	script, required := w.behavior.script.Batches, w.behavior.script.RequireKey
	w.mu.Unlock()
	if required != "" && keyOf(r) != required {
		return &Step{Status: http.StatusUnauthorized}
	}
	script = cmp.Or(script, &Batches{})
	w.batches.mu.Lock()
	defer w.batches.mu.Unlock()
	kind, id, _ := strings.Cut(strings.TrimPrefix(path[at:], "/"), "/")
	id, what, _ := strings.Cut(id, "/")
	switch r.Method + " " + kind + " " + what {
	case "POST files ":
		return w.batches.upload(body)
	case "GET files content":
		if data, ok := w.batches.files[id]; ok {
			return &Step{Body: string(data)}
		}
	case "DELETE files ":
		delete(w.batches.files, id)
		return &Step{Body: object("id", id, "object", "file", "deleted", true)}
	case "POST batches ":
		return w.batches.begin(script, body, isAnthropic)
	case "GET batches ":
		if id == "" {
			return &Step{Body: w.batches.list()}
		}
		if b := w.batches.made[id]; b != nil {
			w.progress(script, b, keyOf(r))
			return &Step{Body: b.object(w.URL())}
		}
	case "GET batches results":
		if b := w.batches.made[id]; b != nil && b.status != batchInProgress {
			return &Step{Body: string(joinLines(b.good))}
		}
	case "POST batches cancel":
		if b := w.batches.made[id]; b != nil {
			if b.status == batchInProgress {
				w.finish(&Batches{Done: Set(0)}, b, keyOf(r))
				b.status = batchCancelled
			}
			return &Step{Body: b.object(w.URL())}
		}
	}
	return &Step{Status: http.StatusNotFound}
}

// upload keeps a file. The form is read by hand: package multipart would be a
// part of the shared library for this alone.
func (s *batches) upload(body []byte) *Step {
	boundary, _, _ := bytes.Cut(body, []byte("\r\n"))
	var data []byte
	purpose := ""
	for part := range bytes.SplitSeq(body, append([]byte("\r\n"), boundary...)) {
		head, text, ok := bytes.Cut(part, []byte("\r\n\r\n"))
		switch {
		case ok && bytes.Contains(head, []byte(`name="purpose"`)):
			purpose = string(text)
		case ok && bytes.Contains(head, []byte(`name="file"`)):
			data = text
		}
	}
	if purpose != "batch" || data == nil {
		return &Step{Status: http.StatusBadRequest}
	}
	id := fmt.Sprintf("file-%d", len(s.files)+1)
	s.keep(id, data)
	return &Step{Body: object(
		"id", id, "object", "file", "bytes", len(data), "created_at", created, "filename", "batch.jsonl", "purpose", purpose, "status", "processed",
	)}
}

func (s *batches) keep(id string, data []byte) {
	if s.files == nil {
		s.files = map[string][]byte{}
	}
	s.files[id] = data
}

// begin makes a batch.
func (s *batches) begin(script *Batches, body []byte, isAnthropic bool) *Step {
	var asked struct {
		Input    string            `json:"input_file_id"`
		Endpoint string            `json:"endpoint"`
		Requests []json.RawMessage `json:"requests"`
		Metadata json.RawMessage   `json:"metadata"`
	}
	if llm.JSON.Unmarshal(body, &asked) != nil {
		return &Step{Status: http.StatusBadRequest}
	}
	b := &batch{id: fmt.Sprintf("batch_%d", len(s.made)+1), input: asked.Input, endpoint: asked.Endpoint, metadata: asked.Metadata, status: batchInProgress}
	if b.anthropic = isAnthropic; isAnthropic {
		b.id = "msg" + b.id
		b.input = b.id
		s.keep(b.id, bytes.Join(rawLines(asked.Requests), []byte("\n")))
		b.total = len(asked.Requests)
	} else {
		b.total = bytes.Count(bytes.TrimSpace(s.files[b.input]), []byte("\n")) + 1
	}
	most := cmp.Or(script.MaxRequests, 50_000)
	switch {
	case s.files[b.input] == nil || b.total == 0:
		return &Step{Status: http.StatusBadRequest}
	case isAnthropic && b.total > most:
		return &Step{Status: http.StatusRequestEntityTooLarge}
	case script.Refuse || b.total > most:
		b.status = batchFailed
	}
	if s.made == nil {
		s.made = map[string]*batch{}
	}
	s.made[b.id] = b
	return &Step{Body: b.object("")}
}

func rawLines(raw []json.RawMessage) [][]byte {
	lines := make([][]byte, len(raw))
	for i := range raw {
		var compact bytes.Buffer
		_ = json.Compact(&compact, raw[i])
		lines[i] = compact.Bytes()
	}
	return lines
}

func joinLines(lines [][]byte) []byte {
	if len(lines) == 0 {
		return nil
	}
	return append(bytes.Join(lines, []byte("\n")), '\n')
}

// list is the batches that there are, the latest first.
func (s *batches) list() any {
	all := []any{}
	for n := len(s.made); n > 0; n-- {
		for _, prefix := range []string{"batch_", "msgbatch_"} {
			if b := s.made[fmt.Sprint(prefix, n)]; b != nil {
				all = append(all, b.object(""))
			}
		}
	}
	return object("object", "list", "data", all, "has_more", false)
}

// progress looks at a batch once.
func (w *Wall) progress(script *Batches, b *batch, key string) {
	if b.status != batchInProgress {
		return
	}
	polls := 1
	if script.Polls != nil {
		polls = *script.Polls
	}
	if b.polls++; b.polls > polls {
		w.finish(script, b, key)
	}
}

// finish works off the requests of a batch; w.batches.mu is held.
func (w *Wall) finish(script *Batches, b *batch, key string) {
	lines := bytes.Split(bytes.TrimSpace(w.batches.files[b.input]), []byte("\n"))
	b.status = batchCompleted
	for n, line := range lines {
		var item batchItem
		_ = llm.JSON.Unmarshal(line, &item)
		if script.Done != nil && n >= *script.Done {
			b.status = batchExpired
			b.expired++
			b.expire(&item)
			continue
		}
		status, body := w.workOff(&item, n, b.anthropic, key)
		b.result(&item, n, status, body)
	}
	b.good = b.good[:max(len(b.good)-script.Missing, 0)]
	b.good = append(b.good, b.good[:min(script.Duplicate, len(b.good))]...)
	if script.Unordered {
		slices.Reverse(b.good)
	}
	if !b.anthropic {
		b.outputFile, b.badLines = w.batches.lines(b.id+"_output", b.good), w.batches.lines(b.id+"_error", b.bad)
	}
}

// lines keeps lines as a file; "" if there are none.
func (s *batches) lines(id string, lines [][]byte) string {
	if len(lines) == 0 {
		return ""
	}
	s.keep(id, joinLines(lines))
	return id
}

// workOff is the answer to a request of a batch.
func (w *Wall) workOff(item *batchItem, n int, isAnthropic bool, key string) (int, []byte) {
	c := &call{kind: KindChat, dialect: openAI{}, body: item.Body, url: w.URL(), number: n + 1}
	if isAnthropic {
		c.dialect, c.body = anthropic{}, item.Params
	}
	step := c.readOpenAI(nil)
	if step == nil {
		step, _ = w.take(c, key)
	}
	c.stream = false
	a := compose(c, step)
	var body []byte
	for p := range a.pieces {
		body = append(body, p.data...)
	}
	return a.status, body
}

// result adds a result.
func (b *batch) result(item *batchItem, n, status int, body []byte) {
	good := status < 400
	if good {
		b.succeeded++
	} else {
		b.failed++
	}
	if b.anthropic {
		result := object("type", "succeeded", "message", json.RawMessage(body))
		if !good {
			result = object("type", "errored", "error", json.RawMessage(body))
		}
		b.good = append(b.good, toJSON(object("custom_id", item.CustomID, "result", result)))
		return
	}
	line := toJSON(object(
		"id", fmt.Sprintf("batch_req_%s_%d", b.id, n), "custom_id", item.CustomID, "error", nil,
		"response", object("status_code", status, "request_id", fmt.Sprintf("req-%d", n), "body", json.RawMessage(body)),
	))
	if good {
		b.good = append(b.good, line)
	} else {
		b.bad = append(b.bad, line)
	}
}

// expire adds the result of a request that was not worked off in time.
func (b *batch) expire(item *batchItem) {
	if b.anthropic {
		b.good = append(b.good, toJSON(object("custom_id", item.CustomID, "result", object("type", "expired"))))
		return
	}
	b.bad = append(b.bad, toJSON(object(
		"id", "batch_req_expired", "custom_id", item.CustomID, "response", nil,
		"error", object("code", "batch_expired", "message", "This request could not be executed before the completion window expired."),
	)))
}

// object is a batch as its vendor shows it.
func (b *batch) object(url string) any {
	ended := b.status != batchInProgress
	if b.anthropic {
		processing, status := b.total, "in_progress"
		var results any
		if ended {
			processing, status, results = 0, "ended", url+"/v1/messages/batches/"+b.id+"/results"
		}
		return object(
			"id", b.id, "type", "message_batch", "processing_status", status, "results_url", results,
			"created_at", "2026-01-01T00:00:00Z", "expires_at", "2026-01-02T00:00:00Z",
			"request_counts", object("processing", processing, "succeeded", b.succeeded, "errored", b.failed, "canceled", 0, "expired", b.expired),
		)
	}
	var failures any
	if b.status == batchFailed {
		failures = object("object", "list", "data", []any{object("code", "invalid_file", "message", "The batch input file is not valid.", "line", nil, "param", nil)})
	}
	return object(
		"id", b.id, "object", "batch", "endpoint", b.endpoint, "input_file_id", b.input, "completion_window", "24h", "status", b.status,
		"output_file_id", orNil(b.outputFile), "error_file_id", orNil(b.badLines), "errors", failures, "created_at", created, "metadata", b.metadata,
		"request_counts", object("total", b.total, "completed", b.succeeded, "failed", b.failed),
	)
}
