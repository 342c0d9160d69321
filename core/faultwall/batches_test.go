package faultwall_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/stretchr/testify/require"
)

// batchClient is a client of batches.
type batchClient struct {
	t *testing.T
	w *faultwall.Wall
}

func (c batchClient) do(method, path, kind string, body []byte) (int, []byte) {
	c.t.Helper()
	url := path
	if strings.HasPrefix(path, "/") {
		url = c.w.URL() + path
	}
	request, err := http.NewRequest(method, url, bytes.NewReader(body))
	require.NoError(c.t, err)
	request.Header.Set("Content-Type", kind)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(request)
	require.NoError(c.t, err)
	data, err := io.ReadAll(resp.Body)
	require.NoError(c.t, err)
	require.NoError(c.t, resp.Body.Close())
	return resp.StatusCode, data
}

func (c batchClient) object(method, path string, body any) map[string]any {
	c.t.Helper()
	data, err := json.Marshal(body)
	require.NoError(c.t, err)
	status, data := c.do(method, path, "application/json", data)
	require.Equal(c.t, 200, status, string(data))
	var object map[string]any
	require.NoError(c.t, json.Unmarshal(data, &object))
	return object
}

// begin uploads requests of the model a and begins a batch of them.
func (c batchClient) begin(count int) string {
	c.t.Helper()
	var lines, form bytes.Buffer
	for n := range count {
		fmt.Fprintf(&lines, `{"custom_id": "%d", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "a", "messages": [{"role": "user", "content": "%d"}]}}`+"\n", n, n)
	}
	fields := multipart.NewWriter(&form)
	require.NoError(c.t, fields.WriteField("purpose", "batch"))
	file, err := fields.CreateFormFile("file", "in.jsonl")
	require.NoError(c.t, err)
	_, _ = file.Write(lines.Bytes())
	require.NoError(c.t, fields.Close())
	status, data := c.do("POST", "/v1/files", fields.FormDataContentType(), form.Bytes())
	require.Equal(c.t, 200, status, string(data))
	var uploaded struct{ ID string }
	require.NoError(c.t, json.Unmarshal(data, &uploaded))
	made := c.object("POST", "/v1/batches", map[string]any{"input_file_id": uploaded.ID, "endpoint": "/v1/chat/completions", "completion_window": "24h"})
	return made["id"].(string)
}

func (c batchClient) ids(data []byte) (ids []string) {
	c.t.Helper()
	for line := range strings.Lines(string(data)) {
		var result struct {
			ID string `json:"custom_id"`
		}
		require.NoError(c.t, json.Unmarshal([]byte(line), &result), line)
		ids = append(ids, result.ID)
	}
	return ids
}

func (c batchClient) file(id any) []byte {
	c.t.Helper()
	status, data := c.do("GET", "/v1/files/"+id.(string)+"/content", "", nil)
	require.Equal(c.t, 200, status)
	return data
}

func TestABatchOfOpenAI(t *testing.T) {
	c := batchClient{t, start(t, `{"models": {"a": {"steps": [{"echo": true, "times": 2}, {"status": 400}, {}]}}, "batches": {"polls": 2}}`)}
	id := c.begin(4)
	require.Equal(t, "in_progress", c.object("GET", "/v1/batches/"+id, nil)["status"])
	require.Equal(t, "in_progress", c.object("GET", "/v1/batches/"+id, nil)["status"])
	done := c.object("GET", "/v1/batches/"+id, nil)
	require.Equal(t, "completed", done["status"])
	require.Equal(t, []string{"0", "1", "3"}, c.ids(c.file(done["output_file_id"])))
	require.Contains(t, string(c.file(done["output_file_id"])), `\"content\": \"1\"`)
	require.Equal(t, []string{"2"}, c.ids(c.file(done["error_file_id"])))
	require.Contains(t, string(c.file(done["error_file_id"])), `"status_code":400`)
	require.Len(t, c.object("GET", "/v1/batches", nil)["data"], 1)
	status, _ := c.do("GET", "/v1/batches/batch_7", "", nil)
	require.Equal(t, 404, status)
}

func TestABatchThatGoesWrong(t *testing.T) {
	c := batchClient{t, start(t, `{"batches": {"polls": 0, "done": 4, "unordered": true, "duplicate": 1, "missing": 1}}`)}
	done := c.object("GET", "/v1/batches/"+c.begin(6), nil)
	require.Equal(t, "expired", done["status"])
	require.Equal(t, []string{"0", "2", "1", "0"}, c.ids(c.file(done["output_file_id"])))
	require.Equal(t, []string{"4", "5"}, c.ids(c.file(done["error_file_id"])))
	require.Contains(t, string(c.file(done["error_file_id"])), "batch_expired")
	c = batchClient{t, start(t, `{"batches": {"max_requests": 3}}`)}
	require.Equal(t, "failed", c.object("GET", "/v1/batches/"+c.begin(4), nil)["status"])
	canceled := c.object("POST", "/v1/batches/"+c.begin(3)+"/cancel", nil)
	require.Equal(t, "cancelled", canceled["status"])
	_, err := faultwall.ParseScript([]byte(`{"batches": {"missing": -1}}`))
	require.ErrorContains(t, err, "below 0")
}

func TestABatchOfAnthropic(t *testing.T) {
	c := batchClient{t, start(t, `{"models": {"a": {"steps": [{}, {"status": 400}, {}]}}, "batches": {"done": 2, "unordered": true}}`)}
	var requests []any
	for n := range 3 {
		params := map[string]any{"model": "a", "max_tokens": 9, "messages": []any{map[string]any{"role": "user", "content": "hi"}}}
		requests = append(requests, map[string]any{"custom_id": fmt.Sprint(n), "params": params})
	}
	made := c.object("POST", "/v1/messages/batches", map[string]any{"requests": requests})
	path := "/v1/messages/batches/" + made["id"].(string)
	require.Equal(t, "in_progress", c.object("GET", path, nil)["processing_status"])
	ended := c.object("GET", path, nil)
	require.Equal(t, "ended", ended["processing_status"])
	status, data := c.do("GET", ended["results_url"].(string), "", nil)
	require.Equal(t, 200, status)
	require.Equal(t, []string{"2", "1", "0"}, c.ids(data))
	lines := strings.Split(string(data), "\n")
	require.Contains(t, lines[0], `"type":"expired"`)
	require.Contains(t, lines[1], `"type":"errored"`)
	require.Contains(t, lines[2], "Hello from a.")
}
