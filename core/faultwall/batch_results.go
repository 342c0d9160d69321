package faultwall

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/llmagg/llmagg/core/llm"
)

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
