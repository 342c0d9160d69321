package contract

import (
	"encoding/json"
	"strings"

	"github.com/llmagg/llmagg/core/faultwall"
)

// seenDocument is what the walls saw, by model where that makes sense. See
// README.md for its parts.
func (r *run) seenDocument(s faultwall.Seen) map[string]any {
	requests, simultaneous, flying := map[string]any{}, map[string]any{}, map[string]any{}
	for model, m := range s.Models {
		requests[model], simultaneous[model], flying[model] = float64(m.Requests), float64(m.MaxSimultaneous), float64(m.InFlight)
	}
	lists := map[string]map[string]any{"gaps": {}, "bodies": {}, "headers": {}, "paths": {}, "prompts": {}}
	add := func(list, model string, v any) {
		old, _ := lists[list][model].([]any)
		lists[list][model] = append(old, v)
	}
	ends := map[string]float64{}
	gone, bytes := []any{}, int64(0)
	for i := range s.Requests {
		q := &s.Requests[i]
		bytes += q.Bytes
		if q.Disconnected && r.mark > 0 {
			gone = append(gone, q.DisconnectedAt-r.mark)
		}
		if q.Kind != faultwall.KindChat {
			continue
		}
		if end, again := ends[q.Model]; again {
			add("gaps", q.Model, max(q.Start-end, 0))
		}
		ends[q.Model] = q.End
		body := decode(q.Body)
		add("bodies", q.Model, body)
		add("headers", q.Model, decode(mustJSON(q.Headers)))
		add("paths", q.Model, q.Path+suffix(q.Query))
		add("prompts", q.Model, lastPrompt(body))
	}
	document := map[string]any{"requests": requests, "max_simultaneous": simultaneous, "in_flight": flying,
		"disconnects": float64(s.Totals.Disconnects), "gone_after": gone, "connections": float64(s.Totals.ConnectionsOpened),
		"stale": float64(s.Totals.Stale), "health": float64(s.Totals.Health), "bytes_sent": float64(bytes)}
	for name, list := range lists {
		document[name] = list
	}
	if r.other != nil {
		document["other"] = float64(r.other.Seen().Totals.Requests)
	}
	return document
}

func suffix(query string) string {
	if query == "" {
		return ""
	}
	return "?" + query
}

// lastPrompt is the text of the last message.
func lastPrompt(body any) any {
	request, _ := body.(map[string]any)
	messages, _ := request["messages"].([]any)
	if len(messages) == 0 {
		return nil
	}
	message, _ := messages[len(messages)-1].(map[string]any)
	return message["content"]
}

func mustJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // documents that were JSON before
	}
	return text
}

// soundWall are the promises about the wire that hold in every case: nothing
// is left in flight or open after the session was closed, and a foreign host
// never learns the key.
func soundWall(main, other *faultwall.Seen) []string {
	var failures []string
	if n := main.Totals.ConnectionsOpen; n != 0 {
		failures = append(failures, itoa(n)+" connections are open after the session was closed")
	}
	if n := main.Totals.InFlight; n != 0 {
		failures = append(failures, itoa(n)+" requests are in flight after the session was closed")
	}
	if main.Totals.Malformed != 0 {
		failures = append(failures, "the wall received what is no HTTP request")
	}
	if other != nil && strings.Contains(string(mustJSON(other.Requests)), Key) {
		failures = append(failures, "the key arrived at another host")
	}
	return failures
}
