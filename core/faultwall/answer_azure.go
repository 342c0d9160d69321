package faultwall

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/llmagg/llmagg/core/llm"
)

// azure is OpenAI's wire format as Azure OpenAI speaks it (its reference, "Data
// plane inference"; "Content filtering"): with what its content filter says,
// and with errors of its own.
type azure struct{ openAI }

var _ dialect = azure{}

// azureDeployment is the deployment that a path names, "" for none.
func azureDeployment(path string) string {
	_, rest, _ := strings.Cut(path, "/openai/deployments/")
	name, _, _ := strings.Cut(rest, "/")
	return name
}

// azureVersion tells whether a version is a date, maybe of a preview.
func azureVersion(version string) bool {
	_, err := time.Parse(time.DateOnly, strings.TrimSuffix(version, "-preview"))
	return err == nil
}

// azureFilter is what the content filter says of a harmless text.
var azureFilter = json.RawMessage(`{"hate":{"filtered":false,"severity":"safe"},"self_harm":{"filtered":false,"severity":"safe"},"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}`)

func azurePrompt() []any {
	return []any{object("prompt_index", 0, "content_filter_results", azureFilter)}
}

// isAzure tells whether a request has an address of Azure's; /openai/v1 is that
// of others, too.
func isAzure(r *http.Request) bool {
	return azureDeployment(r.URL.Path) != "" || strings.Contains(r.URL.Path, "/openai/v1/") && r.Header.Get("Api-Key") != ""
}

// checkAzure is what Azure refuses whatever the script says: an address without
// a valid api-version, and a request without a key or with two.
func (c *call) checkAzure(r *http.Request) *Step {
	c.dialect = azure{}
	version := r.URL.Query().Get("api-version")
	path := azureDeployment(r.URL.Path)
	c.model = cmp.Or(c.model, path)
	key, bearer := r.Header.Get("Api-Key"), r.Header.Get("Authorization")
	switch {
	case path != "" && !azureVersion(version), path == "" && version != "" && version != "preview" && version != "latest":
		return azureRefusal(http.StatusNotFound, "Resource not found")
	case key == "" && bearer == "", key != "" && bearer != "":
		return azureRefusal(http.StatusUnauthorized, "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource.")
	}
	return nil
}

func azureRefusal(status int, message string) *Step {
	return &Step{Status: status, Body: object("error", object("code", strconv.Itoa(status), "message", message))}
}

func (azure) whole(a *content) any {
	answer := map[string]json.RawMessage{}
	_ = llm.JSON.Unmarshal(toJSON(openAI{}.whole(a)), &answer)
	answer["prompt_filter_results"] = toJSON(azurePrompt())
	var choices []map[string]json.RawMessage
	_ = llm.JSON.Unmarshal(answer["choices"], &choices)
	for _, choice := range choices {
		choice["content_filter_results"] = azureFilter
	}
	answer["choices"] = toJSON(choices)
	return answer
}

// deltas begin with what the filter says of the prompt, in a chunk without
// choices, id and model; behind the answer the asynchronous filter speaks of
// it, without a delta.
func (azure) deltas(c *call, s *Step, a *content) []delta {
	all := []delta{{event: object("id", "", "object", "", "created", 0, "model", "", "choices", []any{}, "prompt_filter_results", azurePrompt())}}
	all = append(all, openAI{}.deltas(c, s, a)...)
	if a.finish == "" {
		return all
	}
	late := object("id", "", "object", "", "created", 0, "model", "", "choices", []any{object("index", 0, "finish_reason", nil,
		"content_filter_results", azureFilter, "content_filter_offsets", object("check_offset", 0, "start_offset", 0, "end_offset", len(a.text)))})
	return append(all, delta{event: late})
}

func (azure) failure(status int, model string) any {
	code, message := strconv.Itoa(status), failureOf(openAIErrors, status).message
	switch status {
	case http.StatusNotFound:
		code, message = "DeploymentNotFound", "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again."
	case http.StatusTooManyRequests:
		message = "Requests to the ChatCompletions_Create Operation have exceeded call rate limit of your current OpenAI S0 pricing tier. Please retry later."
	case http.StatusUnauthorized:
		return azureRefusal(status, "Access denied due to invalid subscription key or wrong API endpoint.").Body
	}
	message = cmp.Or(message, statusText(status))
	return object("error", object("code", code, "message", message))
}
