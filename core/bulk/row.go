package bulk

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"iter"
	"os"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
)

// Source gives rows. A run calls Next in one goroutine, and closes a source
// that is an [io.Closer].
type Source interface {
	// Next is the next row; io.EOF after the last. Other errors end the run.
	Next(ctx context.Context) (Row, error)
}

// Row is what is asked. A second run must find the same rows in the same order.
type Row struct {
	ID      json.RawMessage // what the row calls itself; given back, nil for none
	Request *llm.Request
	Err     error // the row cannot be asked; its result has this error
}

// Rows is a source of a sequence.
func Rows(rows iter.Seq[Row]) Source { return &sequence{rows: rows} }

type sequence struct {
	rows iter.Seq[Row]
	next func() (Row, bool)
	stop func()
}

func (s *sequence) Next(context.Context) (Row, error) {
	if s.rows == nil {
		return Row{}, llm.Errorf(llm.InvalidArgument, "bulk.Rows was given no sequence")
	}
	if s.next == nil {
		s.next, s.stop = iter.Pull(s.rows)
	}
	row, ok := s.next()
	if !ok {
		return row, io.EOF
	}
	return row, nil
}

// Close ends the sequence.
func (s *sequence) Close() error {
	if s.stop != nil {
		s.stop()
	}
	return nil
}

// JSONLSource reads rows of JSON lines.
type JSONLSource struct {
	file  *os.File
	lines *bufio.Reader
	line  int
}

// ReadJSONL opens a file of JSON lines. A line is a text, or an object with
// "prompt" (a text), "messages", or "body" (a whole request, as in OpenAI's
// batch files), and perhaps "custom_id" or "id".
func ReadJSONL(path string) (*JSONLSource, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, llm.Errorf(llm.InvalidArgument, "the input cannot be read: %v", shown.File(err))
	}
	return &JSONLSource{file: file, lines: bufio.NewReaderSize(file, 1<<16)}, nil
}

// Close closes the file; that of a nil source does nothing.
func (s *JSONLSource) Close() error {
	if s == nil {
		return nil
	}
	return s.file.Close()
}

// Next reads the next line that is not empty.
func (s *JSONLSource) Next(context.Context) (Row, error) {
	for {
		line, err := s.lines.ReadBytes('\n')
		s.line++
		if s.line == 1 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		if text := bytes.TrimSpace(line); len(text) > 0 {
			return s.row(text), nil
		}
		if err != nil {
			return Row{}, err
		}
	}
}

// line is an object of the file.
type line struct {
	CustomID json.RawMessage `json:"custom_id"`
	ID       json.RawMessage `json:"id"`
	Prompt   *string         `json:"prompt"`
	Messages json.RawMessage `json:"messages"`
	Body     json.RawMessage `json:"body"`
}

func (s *JSONLSource) row(text []byte) Row {
	var read line
	if text[0] == '"' {
		read.Prompt = new(string)
		if err := llm.JSON.Unmarshal(text, read.Prompt); err != nil {
			return Row{Err: s.unreadable(text)}
		}
	} else if err := llm.JSON.Unmarshal(text, &read); err != nil {
		return Row{Err: s.unreadable(text)}
	}
	row := Row{ID: read.CustomID, Request: &llm.Request{}}
	if row.ID == nil {
		row.ID = read.ID
	}
	switch {
	case read.Body != nil:
		row.Err = row.Request.UnmarshalJSON(read.Body)
		row.Request.Model, row.Request.Stream = "", false // the aggregator's models are asked
	case read.Messages != nil:
		if llm.JSON.Unmarshal(read.Messages, &row.Request.Messages) != nil {
			row.Err = llm.Errorf(llm.InvalidArgument, "\"messages\" of line %d are no list of messages; expected [{\"role\", \"content\"}, …]", s.line)
		}
	case read.Prompt != nil:
		row.Request.Messages = []llm.Message{{Role: "user", Content: *read.Prompt}}
	default:
		row.Err = llm.Errorf(llm.InvalidArgument, "line %d has no \"prompt\", \"messages\" or \"body\"", s.line)
	}
	return row
}

// unreadable is the error of a line that is no row: not JSON, or of another
// form.
func (s *JSONLSource) unreadable(text []byte) error {
	if err := json.Compact(new(bytes.Buffer), text); err != nil { // its words are plainer than those of llm.JSON
		return llm.Errorf(llm.InvalidArgument, "line %d is not valid JSON: %v", s.line, err)
	}
	return llm.Errorf(llm.InvalidArgument, "line %d is no row; expected a text, or an object with \"prompt\" (a text), \"messages\" (a list) or \"body\" (a request)", s.line)
}
