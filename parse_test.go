package llmagg_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg"
)

// faultwallAnswer is a whole answer with a text.
func faultwallAnswer(text string) *http.Response {
	body := `{"choices": [{"index": 0, "message": {"role": "assistant", "content": "` + text + `"}, "finish_reason": "stop"}]}`
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(body))}
}

type place struct {
	Name  string  `json:"name" description:"in English"`
	Kind  string  `json:"kind" enum:"city,river"`
	Size  float64 `json:"size"`
	Next  *place  `json:"next,omitempty"`
	Since time.Time
}

func TestParseReadsAnAnswer(t *testing.T) {
	wall := startWall(t, `{"models": {"a": {"steps": [{"text": "{\"name\": \"Ulm\", \"kind\": \"city\", \"size\": 118.7, \"Since\": \"0854-07-22T00:00:00Z\"}"}]}}}`)
	got, err := llmagg.Parse[place](t.Context(), over(t, wall), &llmagg.Request{Messages: hi})
	require.NoError(t, err)
	require.Equal(t, "Ulm", got.Value.Name)
	require.Len(t, got.Attempts, 1)
	var body struct {
		ResponseFormat struct {
			JSONSchema struct {
				Name   string          `json:"name"`
				Strict bool            `json:"strict"`
				Schema json.RawMessage `json:"schema"`
			} `json:"json_schema"`
		} `json:"response_format"`
	}
	require.NoError(t, json.Unmarshal(wall.Seen().Requests[0].Body, &body))
	require.Equal(t, "place", body.ResponseFormat.JSONSchema.Name)
	require.False(t, body.ResponseFormat.JSONSchema.Strict) // next may be missing
	object := `{"type": "object", "additionalProperties": false, "required": ["name", "kind", "size", "Since"], "properties": {
		"name": {"type": "string", "description": "in English"}, "kind": {"type": "string", "enum": ["city", "river"]}, "size": {"type": "number"},
		"next": {"anyOf": [{"$ref": "#/$defs/place"}, {"type": "null"}]}, "Since": {"type": "string", "format": "date-time"}}`
	require.JSONEq(t, object+`, "$defs": {"place": `+object+`}}}`, string(body.ResponseFormat.JSONSchema.Schema))
}

type chain struct {
	*chain
	Links []string   `json:"links" enum:"iron,gold"`
	Weigh *int       `json:"weigh" enum:"1,2"`
	Held  chainEnd   `json:"held" description:"who has it"`
	Ends  []chainEnd `json:"ends"`
}

type chainEnd struct {
	Name string      `json:"name"`
	Next *chainEnd   `json:"next" description:"behind it"`
	More []*chainEnd `json:"more"`
}

func TestSchemasAreWhatVendorsTakeAsStrict(t *testing.T) {
	wall := startWall(t, `{"default": {"steps": [{"text": "{}"}]}}`)
	require.Nil(t, chain{}.chain) // it embeds itself, as lists do
	_, err := llmagg.Parse[chain](t.Context(), over(t, wall), &llmagg.Request{Messages: hi})
	require.ErrorContains(t, err, `the required field "links" is missing`)
	var body struct {
		ResponseFormat struct {
			JSONSchema struct {
				Strict bool `json:"strict"`
				Schema struct {
					Properties map[string]json.RawMessage `json:"properties"`
				} `json:"schema"`
			} `json:"json_schema"`
		} `json:"response_format"`
	}
	require.NoError(t, json.Unmarshal(wall.Seen().Requests[0].Body, &body))
	require.True(t, body.ResponseFormat.JSONSchema.Strict)
	properties := body.ResponseFormat.JSONSchema.Schema.Properties
	require.JSONEq(t, `{"type": "array", "items": {"type": "string", "enum": ["iron", "gold"]}}`, string(properties["links"]))
	require.JSONEq(t, `{"anyOf": [{"type": "integer", "enum": [1, 2]}, {"type": "null"}]}`, string(properties["weigh"]))
	require.JSONEq(t, `{"anyOf": [{"$ref": "#/$defs/chainEnd"}], "description": "who has it"}`, string(properties["held"])) // nothing beside $ref
}

func TestParseTakesTypesThatAreNoObjects(t *testing.T) {
	wall := startWall(t, `{"models": {"a": {"steps": [{"text": "{\"value\": [1, 2]}"}, {"text": "`+"```json\\n[3]\\n```"+`"}]}}}`)
	a := over(t, wall)
	for _, want := range [][]int{{1, 2}, {3}} {
		got, err := llmagg.Parse[[]int](t.Context(), a, &llmagg.Request{Messages: hi})
		require.NoError(t, err)
		require.Equal(t, want, got.Value)
	}
	_, err := llmagg.Parse[chan int](t.Context(), a, &llmagg.Request{Messages: hi})
	require.ErrorIs(t, err, &llmagg.Error{Code: llmagg.InvalidArgument})
}

type short struct {
	N int `json:"n"`
}

// What a cache has kept for an equal Parse may be the answer that did not fit.
func TestParseAsksAnewWhereTheKeptAnswerDoesNotFit(t *testing.T) {
	wall := startWall(t, `{"models": {"a": {"steps": [{"text": "{}"}, {"text": "{\"n\": 1}"}, {"text": "{\"n\": 2}"}]}}}`)
	a := over(t, wall, llmagg.WithCache(llmagg.NewCache(llmagg.CacheOptions{})))
	for round, want := range []int{1, 2, 2} { // refused and asked again; asked anew; kept
		got, err := llmagg.Parse[short](t.Context(), a, &llmagg.Request{Messages: hi})
		require.NoError(t, err)
		require.Equal(t, want, got.Value.N)
		require.Len(t, got.Attempts, 2-round)
	}
}

func TestParseAsksAgainWithTheReasonThenElsewhere(t *testing.T) {
	wall := startWall(t, `{"models": {"a": {"steps": [{"text": "{}"}, {"text": "{\"n\": \"x\"}"}]}, "b": {"steps": [{"text": "{\"n\": 7}"}]}}}`)
	got, err := llmagg.Parse[short](t.Context(), over(t, wall), &llmagg.Request{Messages: hi})
	require.NoError(t, err)
	require.Equal(t, 7, got.Value.N)
	require.Len(t, got.Attempts, 3)
	require.Equal(t, llmagg.BadResponse, got.Attempts[0].Code)
	require.Contains(t, got.Attempts[0].Message, `required field "n" is missing`)
	require.Contains(t, string(wall.Seen().Requests[1].Body), "The answer does not fit: ")
	require.NotContains(t, string(wall.Seen().Requests[2].Body), "The answer does not fit: ")

	wall = startWall(t, `{"models": {"a": {"steps": [{"text": "no"}]}, "b": {"steps": [{"text": "no"}]}}}`)
	_, err = llmagg.Parse[short](t.Context(), over(t, wall, llmagg.WithModels("a")), &llmagg.Request{Messages: hi})
	var e *llmagg.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, llmagg.BadResponse, e.Code)
	require.Len(t, e.Attempts, 2)
}

func TestAnUnknownCostEndsWhatHasABound(t *testing.T) {
	wall := startWall(t, `{"models": {"a": {"steps": [{"tool_calls": [{"name": "weather", "arguments": {"city": "Ulm"}}]}]}}}`)
	a, err := llmagg.New(llmagg.Map{"shop": llmagg.Map{"models": llmagg.Map{"a": llmagg.Map{"base_url": wall.BaseURL(), "api_key": "sk-test"}}}})
	require.NoError(t, err)
	defer a.Close()
	bound := llmagg.CallOptions{MaxCost: &llmagg.MaxCost{Amount: 1}}
	_, err = a.RunTools(t.Context(), &llmagg.Request{Messages: hi, Options: bound}, []*llmagg.Tool{llmagg.NewTool("weather", "", weather)}, llmagg.RunOptions{})
	require.ErrorIs(t, err, &llmagg.Error{Code: llmagg.InvalidArgument})
	require.ErrorContains(t, err, "the cost of an answer is not known")
	require.Len(t, wall.Seen().Requests, 1)
}

func TestParseKeepsWithinTheBudgetOfItsCall(t *testing.T) {
	wall := startWall(t, `{"models": {"a": {"steps": [{"text": "no"}]}, "b": {"steps": [{"text": "no"}]}}}`)
	_, err := llmagg.Parse[short](t.Context(), over(t, wall), &llmagg.Request{Messages: hi, Options: llmagg.CallOptions{MaxCost: &llmagg.MaxCost{Amount: 1}}})
	require.ErrorIs(t, err, &llmagg.Error{Code: llmagg.Quota})
	require.Len(t, wall.Seen().Requests, 1)
	wall = startWall(t, `{"models": {"a": {"steps": [{"text": "no"}, {"delay_body_s": 20}]}}}`)
	_, err = llmagg.Parse[short](t.Context(), over(t, wall), &llmagg.Request{Messages: hi, Options: llmagg.CallOptions{Deadline: 200 * time.Millisecond}})
	require.ErrorIs(t, err, &llmagg.Error{Code: llmagg.Timeout})
}

type cityArgs struct {
	City string `json:"city"`
}

func weather(_ context.Context, a cityArgs) (map[string]int, error) {
	if a.City == "Atlantis" {
		return nil, errors.New("it is under water")
	}
	return map[string]int{"degrees": 17}, nil
}

func TestRunToolsCallsUntilThereIsAnAnswer(t *testing.T) {
	wall := startWall(t, `{"models": {"a": {"steps": [
		{"tool_calls": [{"name": "weather", "arguments": {"city": "Ulm"}}, {"name": "weather", "arguments": {"city": "Atlantis"}}, {"name": "other", "arguments": {}},
			{"name": "weather", "arguments": {"town": 1}}, {"name": "bad", "arguments": {}}]},
		{"text": "It is 17."}]}}}`)
	bad := llmagg.NewTool("bad", "", func(context.Context, struct{}) (string, error) { panic("boo") })
	run, err := over(t, wall).RunTools(t.Context(), &llmagg.Request{Messages: hi, ToolChoice: json.RawMessage(`"required"`)},
		[]*llmagg.Tool{llmagg.NewTool("weather", "The weather in a city.", weather), bad}, llmagg.RunOptions{})
	require.NoError(t, err)
	require.Equal(t, "It is 17.", run.Text())
	require.Equal(t, llmagg.StoppedByAnswer, run.Stopped)
	require.Equal(t, 2, run.Rounds)
	require.Len(t, run.Attempts, 2)
	require.Positive(t, run.Tokens)
	require.Positive(t, run.Cost)
	var told []string
	for _, m := range run.Messages[2:7] {
		told = append(told, m.Content)
	}
	require.Equal(t, []string{`{"degrees":17}`, "error: it is under water", "error: there is no tool other; known are bad, weather",
		`error: the arguments do not fit: json: unknown field "town"`, "error: the tool panicked: boo"}, told)
	require.Len(t, run.Messages, 8)
	require.Contains(t, string(wall.Seen().Requests[0].Body), `"required"`)
	require.NotContains(t, string(wall.Seen().Requests[1].Body), `"tool_choice"`)
}

// A call without arguments is all that a tool without parameters can get, also
// where no finish reason says that the model was done. Any other tool is not
// run: its arguments may have been cut off.
func TestRunToolsRunsACallWithoutArgumentsWhereThereAreNone(t *testing.T) {
	wall := startWall(t, `{"models": {"a": {"steps": [
		{"body": {"choices": [{"index": 0, "message": {"role": "assistant", "tool_calls": [
			{"id": "1", "type": "function", "function": {"name": "now", "arguments": ""}},
			{"id": "2", "type": "function", "function": {"name": "weather", "arguments": ""}}]}}]}},
		{"text": "It is noon."}]}}}`)
	now := llmagg.NewTool("now", "", func(context.Context, struct{}) (string, error) { return "noon", nil })
	run, err := over(t, wall).RunTools(t.Context(), &llmagg.Request{Messages: hi}, []*llmagg.Tool{now, llmagg.NewTool("weather", "", weather)}, llmagg.RunOptions{})
	require.NoError(t, err)
	require.Equal(t, "noon", run.Messages[2].Content)
	require.Equal(t, "error: the arguments do not fit: there are none; the answer may have been cut off before them", run.Messages[3].Content)
}

func TestRunToolsHasBounds(t *testing.T) {
	for stopped, c := range map[llmagg.Stopped]struct {
		options llmagg.RunOptions
		call    llmagg.CallOptions
		rounds  int
	}{
		llmagg.StoppedByRounds: {options: llmagg.RunOptions{MaxRounds: 3}, rounds: 3},
		llmagg.StoppedByTokens: {options: llmagg.RunOptions{MaxTotalTokens: 1}, rounds: 1},
		llmagg.StoppedByCost:   {call: llmagg.CallOptions{MaxCost: &llmagg.MaxCost{Amount: 1}}, rounds: 1},
	} {
		wall := startWall(t, `{"models": {"a": {"steps": [{"tool_calls": [{"name": "weather", "arguments": {"city": "Ulm"}}]}]}}}`)
		run, err := over(t, wall).RunTools(t.Context(), &llmagg.Request{Messages: hi, Options: c.call}, []*llmagg.Tool{llmagg.NewTool("weather", "", weather)}, c.options)
		require.NoError(t, err)
		require.Equal(t, stopped, run.Stopped)
		require.Equal(t, c.rounds, run.Rounds)
	}
}

func TestRunToolsEndsWithItsDeadline(t *testing.T) {
	wall := startWall(t, `{"models": {"a": {"steps": [{"tool_calls": [{"name": "slow", "arguments": {}}]}]}}}`)
	slow := llmagg.NewTool("slow", "", func(ctx context.Context, _ struct{}) (string, error) { <-ctx.Done(); return "", ctx.Err() })
	_, err := over(t, wall).RunTools(t.Context(), &llmagg.Request{Messages: hi, Options: llmagg.CallOptions{Deadline: 200 * time.Millisecond}}, []*llmagg.Tool{slow}, llmagg.RunOptions{})
	require.ErrorIs(t, err, &llmagg.Error{Code: llmagg.Timeout})
}

func TestToolsThatCannotBeToldApartAreRefused(t *testing.T) {
	a := over(t, startWall(t, `{}`))
	one := llmagg.NewTool("weather", "", weather)
	for _, tools := range [][]*llmagg.Tool{nil, {one, one}, {llmagg.NewTool("x", "", func(context.Context, int) (string, error) { return "", nil })},
		{llmagg.NewTool("my tool", "", weather)}, {llmagg.NewTool[struct{}, string]("x", "", nil)}} {
		_, err := a.RunTools(t.Context(), &llmagg.Request{Messages: hi}, tools, llmagg.RunOptions{})
		require.ErrorIs(t, err, &llmagg.Error{Code: llmagg.InvalidArgument})
	}
}
