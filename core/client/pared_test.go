package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// strict is a server that refuses what it does not know. It is safe for
// concurrent use.
type strict struct {
	refuses func(body map[string]any) string // the first field that it does not take, "" for none
	answer  func(field string) (status int, text string)

	mu   sync.Mutex
	seen []map[string]any // guarded by mu
}

func (s *strict) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(r.Body)
	var body map[string]any
	_ = json.Unmarshal(text, &body)
	s.mu.Lock()
	s.seen = append(s.seen, body)
	s.mu.Unlock()
	if field := s.refuses(body); field != "" {
		status, said := s.answer(field)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, said)
		return
	}
	if body["stream"] == true {
		_, _ = io.WriteString(w, `data: {"choices":[{"index":0,"delta":{"content":"Hi."},"finish_reason":"stop"}]}`+"\n\ndata: [DONE]\n\n")
		return
	}
	_, _ = io.WriteString(w, `{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi."},"finish_reason":"stop"}]}`)
}

func (s *strict) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen)
}

func strictRoute(t *testing.T, s *strict) *client.Client {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	c, err := client.New(config.Model{Provider: "p", Name: "m", APIKey: "sk-secret-key", BaseURL: server.URL + "/v1", MaxRetries: 1}, client.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close(context.Background())) })
	return c
}

// refusals are the words in which servers refuse a field.
var refusals = map[string]func(field string) (int, string){
	"FastAPI": func(f string) (int, string) {
		return 422, fmt.Sprintf(`{"detail":[{"type":"extra_forbidden","loc":["body",%q],"msg":"Extra inputs are not permitted","input":{"temperature":1}}]}`, f)
	},
	"Mistral": func(f string) (int, string) {
		return 422, fmt.Sprintf(`{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","messages",1,"assistant",%q],"msg":"Extra inputs are not permitted","input":"x"}]},"type":"invalid_request_error"}`, f)
	},
	"Groq": func(f string) (int, string) {
		return 400, fmt.Sprintf(`{"error":{"message":"'messages.1' : for 'role:assistant' the following must be satisfied[('messages.1' : property '%s' is unsupported)]","type":"invalid_request_error"}}`, f)
	},
	"OpenAI": func(f string) (int, string) {
		return 400, fmt.Sprintf(`{"error":{"message":"Unrecognized request argument supplied: %s","type":"invalid_request_error","param":null,"code":null}}`, f)
	},
	"OpenAI's param": func(f string) (int, string) {
		return 400, fmt.Sprintf(`{"error":{"message":"Unknown parameter.","type":"invalid_request_error","param":"messages[1].%s","code":"unknown_parameter"}}`, f)
	},
	"vLLM": func(f string) (int, string) {
		return 400, fmt.Sprintf(`{"object":"error","message":"[{'type': 'extra_forbidden', 'loc': ('body', '%s'), 'msg': 'Extra inputs are not permitted'}]","type":"BadRequestError","code":400}`, f)
	},
	"pydantic": func(f string) (int, string) {
		return 400, fmt.Sprintf(`{"error":"1 validation error for ChatCompletionRequest\n%s\n  Extra inputs are not permitted [type=extra_forbidden]"}`, f)
	},
	"Go": func(f string) (int, string) { return 400, fmt.Sprintf(`json: unknown field "%s"`, f) },
	"Rust": func(f string) (int, string) {
		return 422, fmt.Sprintf("Failed to deserialize the JSON body into the target type: unknown field `%s`, expected one of `model`, `messages`", f)
	},
	"Chinese": func(f string) (int, string) {
		return 400, fmt.Sprintf(`{"error":{"code":"1210","message":"API 调用参数有误，不支持%s参数"}}`, f)
	},
	"keyed": func(f string) (int, string) { return 400, fmt.Sprintf(`{"%s":["Unknown field."]}`, f) },
	"crash": func(f string) (int, string) {
		return 500, fmt.Sprintf(`{"error":"create() got an unexpected keyword argument '%s'"}`, f)
	},
	"200": func(f string) (int, string) { return 200, fmt.Sprintf(`{"error":{"message":"unknown field %s"}}`, f) },
	"event": func(f string) (int, string) {
		return 200, fmt.Sprintf(`data: {"error":{"message":"unknown field %s"}}`+"\n\n", f)
	},
	"nothing": func(string) (int, string) { return 400, `{"error":{"message":"Bad Request"}}` },
	"empty":   func(string) (int, string) { return 422, "" },
	"Zhipu": func(string) (int, string) {
		return 400, `{"error":{"code":"1214","message":"messages 参数非法。请检查文档。"}}`
	},
}

var messageFields = map[string]bool{"role": true, "content": true, "name": true, "tool_calls": true, "tool_call_id": true}

func foreignIn(body map[string]any) string {
	for _, m := range body["messages"].([]any) {
		for _, field := range []string{"reasoning_content", "refusal", "annotations", "x_future"} { // in this order
			if _, has := m.(map[string]any)[field]; has && !messageFields[field] {
				return field
			}
		}
	}
	return ""
}

func history(t *testing.T) *llm.Request {
	t.Helper()
	r := &llm.Request{}
	require.NoError(t, r.UnmarshalJSON([]byte(`{"messages":[{"role":"user","content":"hi"},
		{"role":"assistant","content":"Four.","reasoning_content":"2+2","annotations":[],"x_future":{"a":1}},{"role":"user","content":"and 3+3?"}]}`)))
	return r
}

func both(t *testing.T, c *client.Client, r *llm.Request, whole bool) (*llm.Response, error) {
	t.Helper()
	if whole {
		return c.Chat(context.Background(), r)
	}
	s, err := c.Stream(context.Background(), r)
	if err != nil {
		return nil, err
	}
	return s.Collect()
}

// In whatever words a server refuses what its caller did not send, the answer
// comes; the next one comes at once.
func TestRefusedFields(t *testing.T) {
	for name, answer := range refusals {
		for _, whole := range []bool{true, false} {
			if name == "event" && whole {
				continue
			}
			t.Run(fmt.Sprintf("%s/history/%v", name, whole), func(t *testing.T) {
				s := &strict{refuses: foreignIn, answer: answer}
				c := strictRoute(t, s)
				r, err := both(t, c, history(t), whole)
				require.NoError(t, err)
				require.Equal(t, "Hi.", r.Text())
				require.Len(t, r.Attempts, 1)
				require.ElementsMatch(t, []string{"messages.reasoning_content", "messages.annotations", "messages.x_future"}, r.Attempts[0].LeftOut)
				n := s.count()
				require.LessOrEqual(t, n, 4)
				_, err = both(t, c, history(t), whole)
				require.NoError(t, err)
				require.Equal(t, n+1, s.count(), "it is remembered")
				require.Equal(t, "closed", c.Report().Circuit)
			})
			if name == "Zhipu" {
				continue // it speaks of messages
			}
			t.Run(fmt.Sprintf("%s/additions/%v", name, whole), func(t *testing.T) {
				field := map[bool]string{true: "stream", false: "stream_options"}[whole]
				s := &strict{answer: answer, refuses: func(body map[string]any) string {
					if v, has := body[field]; has && v != true {
						return field
					}
					return ""
				}}
				c := strictRoute(t, s)
				r := ask()
				r.Options.IncludeUsage = true
				for i := range 2 {
					got, err := both(t, c, r, whole)
					require.NoError(t, err)
					require.Equal(t, []string{field}, got.Attempts[0].LeftOut)
					require.Equal(t, 2+i, s.count())
				}
				got, err := both(t, c, r, !whole)
				require.NoError(t, err)
				require.Empty(t, got.Attempts[0].LeftOut)
			})
		}
	}
}

// A refusal of what the caller sent is an error, at once.
func TestRefusalOfTheCallersOwnField(t *testing.T) {
	for _, said := range []string{
		`{"error":{"message":"temperature is out of range","param":"temperature"}}`,
		`{"detail":[{"loc":["body","x_mine"],"msg":"Extra inputs are not permitted","input":{"stream":false,"reasoning_content":"x"}}]}`,
		`{"error":{"message":"Unrecognized request argument supplied: x_mine"}}`,
		`{"error":{"message":"This model's maximum context length is 10 tokens","code":"context_length_exceeded"}}`,
		`{"error":{"message":"flagged","code":"content_filter"}}`,
	} {
		s := &strict{refuses: func(map[string]any) string { return "x" }, answer: func(string) (int, string) { return 400, said }}
		r := history(t)
		r.Extra = llm.Extra{"x_mine": json.RawMessage("1")}
		_, err := strictRoute(t, s).Chat(context.Background(), r)
		require.Error(t, err)
		require.Equal(t, 1, s.count(), said)
	}
}

// Where guesses change nothing, the refusal is of something else: a route does
// not pay for them at each call, and never beyond its budget of retries (R5).
func TestGuessesInVainEnd(t *testing.T) {
	vague := func(string) (int, string) { return 400, `{"error":{"message":"Bad Request"}}` }
	always := func(map[string]any) string { return "x" }
	for _, whole := range []bool{true, false} {
		s := &strict{refuses: always, answer: vague}
		c := strictRoute(t, s)
		for range 6 {
			_, err := both(t, c, history(t), whole)
			require.Equal(t, llm.BadRequest, llm.CodeOfError(err))
		}
		require.LessOrEqual(t, s.count(), 4+4+4)
		s.refuses = func(map[string]any) string { return "" }
		_, err := both(t, c, history(t), whole)
		require.NoError(t, err)
	}

	s := &strict{refuses: always, answer: vague}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	c, err := client.New(config.Model{Provider: "p", Name: "m", APIKey: "sk-secret-key", BaseURL: server.URL + "/v1", MaxRetries: 1,
		Retry: config.Retry{BudgetRatio: 0.001, BudgetPerSec: 0.001}}, client.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close(context.Background())) })
	_, err = both(t, c, history(t), true)
	require.Equal(t, llm.BadRequest, llm.CodeOfError(err))
	require.Equal(t, 2, s.count())
}

// The caller's own stream_options and its own request-only fields are never
// left out.
func TestTheCallersOwnFieldsStay(t *testing.T) {
	s := &strict{refuses: func(map[string]any) string { return "stream_options" }, answer: refusals["OpenAI"]}
	r := ask()
	r.StreamOptions = &llm.StreamOptions{IncludeUsage: true}
	_, err := both(t, strictRoute(t, s), r, false)
	require.ErrorContains(t, err, "stream_options")
	require.Equal(t, 1, s.count())
}

// A server that refuses whatever it is sent is asked a few times, once an
// attempt is over.
func TestAskingAgainIsBounded(t *testing.T) {
	for name, answer := range refusals {
		s := &strict{refuses: func(map[string]any) string { return "reasoning_content" }, answer: answer}
		c := strictRoute(t, s)
		_, err := c.Chat(context.Background(), history(t))
		require.Error(t, err, name)
		require.LessOrEqual(t, s.count(), 4, name)
		s.refuses = func(map[string]any) string { return "" }
		r, err := c.Chat(context.Background(), history(t))
		require.NoError(t, err)
		require.Empty(t, r.Attempts[0].LeftOut, "what did not help is not remembered")
	}
}

// What was left out goes back to a server that asks for it.
func TestWhatIsMissedGoesBack(t *testing.T) {
	wants := false
	s := &strict{refuses: func(body map[string]any) string {
		if has := foreignIn(body) != ""; has != wants {
			return "reasoning_content"
		}
		return ""
	}, answer: func(string) (int, string) {
		if wants {
			return 400, `{"error":{"message":"Missing reasoning_content field in the assistant message at message index 1, and the annotations, x_future"}}`
		}
		return 400, `{"error":{"message":"unknown reasoning_content, annotations and x_future"}}`
	}}
	c := strictRoute(t, s)
	_, err := c.Chat(context.Background(), history(t))
	require.NoError(t, err)
	wants = true
	r, err := c.Chat(context.Background(), history(t))
	require.NoError(t, err)
	require.Empty(t, r.Attempts[0].LeftOut)
	n := s.count()
	_, err = c.Chat(context.Background(), history(t))
	require.NoError(t, err)
	require.Equal(t, n+1, s.count())
}

// An addition that a server has taken once is not to blame for a vague refusal.
func TestProvenAdditionsAreNotBlamed(t *testing.T) {
	bad := false
	s := &strict{refuses: func(map[string]any) string { return map[bool]string{true: "x"}[bad] }, answer: refusals["nothing"]}
	c := strictRoute(t, s)
	_, err := c.Chat(context.Background(), ask())
	require.NoError(t, err)
	bad = true
	_, err = c.Chat(context.Background(), ask())
	require.Error(t, err)
	require.Equal(t, 2, s.count())
}

// Many calls at once learn the same; each is answered.
func TestRefusedFieldsAtOnce(t *testing.T) {
	s := &strict{refuses: foreignIn, answer: refusals["Groq"]}
	c := strictRoute(t, s)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			r, err := c.Chat(context.Background(), history(t))
			if err != nil || r.Text() != "Hi." {
				t.Errorf("%v", err)
			}
		})
	}
	all.Wait()
	n := s.count()
	_, err := c.Chat(context.Background(), history(t))
	require.NoError(t, err)
	require.Equal(t, n+1, s.count())
}

// A parameter that a refusal names is not its reason where another field is, or
// where its value is.
func TestARefusalThatListsWhatIsKnown(t *testing.T) {
	s := &strict{
		refuses: func(b map[string]any) string {
			if b["stream_options"] != nil {
				return "unknown field `stream_options`, expected one of `model`, `messages`, `temperature`, `max_tokens`, `stream`"
			}
			if b["reasoning_effort"] == "minimal" {
				return "reasoning_effort: unknown variant `minimal`, expected one of `low`, `high`"
			}
			return ""
		},
		answer: func(words string) (int, string) {
			return 422, "Failed to deserialize the JSON body into the target type: " + words
		},
	}
	c := strictRoute(t, s)
	r := &llm.Request{}
	require.NoError(t, r.UnmarshalJSON([]byte(`{"messages":[{"role":"user","content":"hi"}],"temperature":0.2,"max_tokens":9}`)))
	r.Options.IncludeUsage = true
	answer, err := both(t, c, r, false)
	require.NoError(t, err)
	require.Equal(t, []string{"stream_options"}, answer.Attempts[0].LeftOut)
	require.Empty(t, answer.Attempts[0].Adapted)
	require.Equal(t, 0.2, s.seen[1]["temperature"])
	r.ReasoningEffort = "minimal"
	_, err = both(t, c, r, true)
	require.Equal(t, llm.BadRequest, llm.CodeOfError(err))
	require.Equal(t, 3, s.count())
}

// A server that answered in one way only may answer in the other only, later.
func TestAServerThatChangesItsWay(t *testing.T) {
	for _, whole := range []bool{true, false} {
		streams := whole // all that it gives
		s := &strict{
			refuses: func(b map[string]any) string {
				switch {
				case streams && b["stream"] != true:
					return "This model only supports stream mode."
				case !streams && b["stream"] == true:
					return "Streaming is not supported by this model."
				}
				return ""
			},
			answer: func(words string) (int, string) { return 400, fmt.Sprintf(`{"error":{"message":%q}}`, words) },
		}
		c := strictRoute(t, s)
		for _, n := range []int{2, 1, 2, 1} { // requests for a call
			before := s.count()
			_, err := both(t, c, &llm.Request{Messages: []llm.Message{{Role: llm.RoleUser, Content: "hi"}}}, whole)
			require.NoError(t, err)
			require.Equal(t, n, s.count()-before)
			if n == 1 {
				streams = !streams
			}
		}
	}
}
