package bulk

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
)

// Result is what became of a row: an answer, or an error.
type Result struct {
	N            int             `json:"n"` // the row's number, from 0
	ID           json.RawMessage `json:"id,omitempty"`
	Answer       string          `json:"answer,omitempty"`
	FinishReason string          `json:"finish_reason,omitempty"`
	ToolCalls    []llm.ToolCall  `json:"tool_calls,omitempty"`
	Route        string          `json:"route,omitempty"` // provider/model
	Usage        *llm.Usage      `json:"usage,omitempty"`
	Cost         *Cost           `json:"cost,omitempty"` // nil: not known
	Error        *llm.Error      `json:"error,omitempty"`
}

// Cost is a sum of money.
type Cost struct {
	Amount   float64 `json:"amount"`
	Currency string  `json:"currency"`
}

func costOf(c *llm.Cost) *Cost {
	if c == nil {
		return nil
	}
	return &Cost{Amount: c.Amount, Currency: c.Currency}
}

// take fills in a response.
func (r *Result) take(response *llm.Response) {
	r.Answer = response.Text()
	if len(response.Choices) > 0 {
		r.FinishReason = response.Choices[0].FinishReason
		r.ToolCalls = response.Choices[0].Message.ToolCalls
	}
	r.Route = response.Route()
	r.Usage, r.Cost = response.Usage, costOf(response.Cost)
}

// Sink takes the results of a whole job, in the order of the rows.
type Sink interface {
	Write(*Result) error
	// Commit is called after the last result; Abort instead of it after an
	// error of Write or Commit.
	Commit() error
	Abort()
}

// JSONLSink writes results as JSON lines.
type JSONLSink struct {
	path string
	file *os.File
	out  *bufio.Writer
}

// WriteJSONL is a sink that writes a file. The file appears when it is whole.
func WriteJSONL(path string) *JSONLSink { return &JSONLSink{path: path} }

// check is INVALID_ARGUMENT if the file that stands there is not to be replaced
// by answers: a folder, or the rows themselves.
func (s *JSONLSink) check(source Source) error {
	there, err := os.Stat(s.path)
	if err != nil {
		return nil // no file, or one that opening it will tell of
	}
	if there.IsDir() {
		return llm.Errorf(llm.InvalidArgument, "the output %s is a folder; expected the path of a file", shown.Path(s.path))
	}
	if in, ok := source.(*JSONLSource); ok {
		if read, err := in.file.Stat(); err == nil && os.SameFile(there, read) {
			return llm.Errorf(llm.InvalidArgument, "the output %s is the input, which the answers would replace; name another file", shown.Path(s.path))
		}
	}
	return nil
}

// Write writes a line.
func (s *JSONLSink) Write(r *Result) error {
	if err := s.open(); err != nil {
		return err
	}
	data, err := llm.JSON.Marshal(r)
	if err != nil {
		return err
	}
	_, err = s.out.Write(append(data, '\n'))
	return err
}

func (s *JSONLSink) open() (err error) {
	if s.file == nil {
		if target, err := filepath.EvalSymlinks(s.path); err == nil {
			s.path = target // a link stays one
		}
		if s.file, err = os.Create(s.path + ".part"); err == nil {
			s.out = bufio.NewWriterSize(s.file, 1<<16)
		}
	}
	return err
}

// Commit brings the file to the disk and renames it.
func (s *JSONLSink) Commit() error {
	if err := s.open(); err != nil {
		return err
	}
	if err := s.out.Flush(); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return err
	}
	if err := s.file.Close(); err != nil {
		return err
	}
	return os.Rename(s.path+".part", s.path)
}

// Abort removes what was written.
func (s *JSONLSink) Abort() {
	if s.file != nil {
		_ = s.file.Close()
		_ = os.Remove(s.path + ".part")
	}
}
