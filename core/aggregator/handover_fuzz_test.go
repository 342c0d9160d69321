package aggregator_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
)

// scripted is a backend whose answers come from bytes: each answer takes
// bytes until one that ends it, well or not. Every piece of the n-th answer
// carries the route's name and n.
type scripted struct {
	name    string
	program []byte
	answers int
}

// errors with which an answer breaks off; all of them restart.
var breaks = []error{io.ErrUnexpectedEOF, &llm.Error{Code: llm.StreamInterrupted, Message: "cut"}, &llm.Error{Code: llm.Unavailable, Message: "503"},
	&llm.Error{Code: llm.BadResponse, Message: "8 malformed events"}}

func (s *scripted) Chat(context.Context, *client.Exchange) (*llm.Response, error) {
	return nil, &llm.Error{Code: llm.Unavailable, Message: "streams only"}
}

func (s *scripted) Stream(context.Context, *client.Exchange) (client.ChunkReader, error) {
	s.answers++
	return &scriptedAnswer{from: s, mark: fmt.Sprintf("%s%d", s.name, s.answers)}, nil
}

type scriptedAnswer struct {
	from *scripted
	mark string
	over bool
}

func (a *scriptedAnswer) Next() (*llm.Chunk, error) {
	if a.over {
		return nil, io.EOF
	}
	b := byte(7) // what is not scripted ends well
	if len(a.from.program) > 0 {
		b, a.from.program = a.from.program[0], a.from.program[1:]
	}
	c := llm.ChunkChoice{}
	switch b % 8 {
	case 0, 1, 2:
		c.Delta.Content = a.mark + ";"
	case 3:
		c.Delta.ReasoningContent = a.mark + ";"
	case 4:
		index := int(b/8) % 3
		c.Delta.ToolCalls = []llm.ToolCall{{Index: index, ID: fmt.Sprintf("%s-%d", a.mark, index), Function: llm.FunctionCall{Arguments: a.mark + ";"}}}
	case 5:
		c.Delta.Role = llm.RoleAssistant // no token
	case 6:
		return nil, breaks[int(b/8)%len(breaks)]
	case 7:
		a.over = true
		c.Delta.Content, c.FinishReason = a.mark+";", "stop"
	}
	return &llm.Chunk{ID: a.mark, Choices: []llm.ChunkChoice{c}}, nil
}

func (a *scriptedAnswer) Close() error { return nil }

// However two routes break off, what a call accumulates is the text of one
// answer, the last one, from its beginning; and so is the partial text of an
// error (S8).
func FuzzHandOver(f *testing.F) {
	f.Add([]byte{0, 0, 6, 7}, []byte{0, 1, 7}, uint8(2))                       // one restart
	f.Add([]byte{5, 6, 6, 7}, []byte{0, 7}, uint8(1))                          // before the first token
	f.Add([]byte{4, 12, 4, 20, 14, 7}, []byte{12, 4, 12, 7}, uint8(1))         // tool calls
	f.Add([]byte{0, 3, 22}, []byte{0, 0, 6, 3, 0, 30, 0, 0, 7}, uint8(3))      // the second breaks off twice
	f.Add([]byte{0, 6, 0, 6, 0, 6}, []byte{0, 6, 0, 14, 0, 22, 6}, uint8(3))   // nobody ends well
	f.Add([]byte{0, 0, 14}, []byte{5, 5, 6, 5, 6, 5, 6, 0, 7, 1, 2}, uint8(2)) // restarts that bring no token
	f.Fuzz(func(t *testing.T, first, second []byte, retries uint8) {
		if len(first)+len(second) > 200 {
			return
		}
		routes := make([]*client.Client, 0, 2)
		for name, program := range map[string][]byte{"A": first, "b": second} {
			c, err := client.NewCustom(config.Model{Provider: "p", Name: name, MaxRetries: 1 + int(retries%4),
				Retry: config.Retry{Backoff: time.Microsecond, BackoffMax: 2 * time.Microsecond}},
				&scripted{name: name, program: program}, client.Options{})
			require.NoError(t, err)
			defer func() { require.NoError(t, c.Close(context.Background())) }()
			routes = append(routes, c)
		}
		if routes[0].Name() != "A" {
			routes[0], routes[1] = routes[1], routes[0]
		}
		q := ask()
		q.Options.OnInterrupt = llm.InterruptRestart
		p, err := q.Payload()
		require.NoError(t, err)
		a := aggregator.New(manager.New(manager.Options{}), aggregator.Options{})
		s, err := a.StreamRoutes(t.Context(), routes, p)
		if err != nil {
			require.Empty(t, llm.AsError(err).Partial)
			return
		}
		told := readHandOver(t, s)
		if choices := s.Response().Choices; len(choices) > 0 {
			require.Equal(t, told, textOf(&choices[0].Message))
		} else {
			require.Empty(t, told)
		}
	})
}

// readHandOver reads the stream and gives the text since the last restart.
func readHandOver(t *testing.T, s *client.Stream) string {
	var told strings.Builder
	mark := ""
	for ev, err := range s.Events() {
		if err != nil {
			oneMark(t, llm.AsError(err).Partial)
			break
		}
		switch ev.Kind {
		case llm.EventRestart:
			require.NotNil(t, ev.Restart.Reason)
			told.Reset()
			mark = ""
		case llm.EventChunk:
			require.True(t, mark == "" || mark == ev.Chunk.ID, "%s goes on as %s without a restart", mark, ev.Chunk.ID)
			mark = ev.Chunk.ID
			told.WriteString(textOf(&ev.Chunk.Choices[0].Delta))
		case llm.EventDone:
			require.Equal(t, mark, ev.Response.ID)
			require.Equal(t, "stop", ev.Response.Choices[0].FinishReason)
		}
	}
	oneMark(t, told.String())
	return told.String()
}

// textOf is everything that m says. All pieces of an answer are equal, so
// that their order does not matter.
func textOf(m *llm.Message) string {
	text := m.Content + m.ReasoningContent
	for i := range m.ToolCalls {
		text += m.ToolCalls[i].Function.Arguments
	}
	return text
}

// oneMark requires that all pieces are of one answer.
func oneMark(t *testing.T, text string) {
	first, _, _ := strings.Cut(text, ";")
	require.Empty(t, strings.ReplaceAll(text, first+";", ""), "two answers in %q", text)
}
