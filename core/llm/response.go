package llm

import "encoding/json"

// Response is a whole answer.
type Response struct {
	ID      string
	Object  string // "chat.completion"
	Created int64  // seconds since the Unix epoch
	Model   string
	Choices []Choice
	Usage   Usage // zeros when the provider sent none
	// Attempts is the trail of the call that gave this answer.
	Attempts []Attempt
	Extra    Extra
}

// Choice is one of the answers. FinishReason is "" while there is none.
type Choice struct {
	Index        int
	Message      Message
	FinishReason string
	Logprobs     json.RawMessage
	Extra        Extra
}

// Text is the text of the first choice, "" without one.
func (r *Response) Text() string {
	if r == nil || len(r.Choices) == 0 {
		return ""
	}
	return r.Choices[0].Message.PlainText()
}

// MarshalJSON writes the response in OpenAI's shape, with "attempts" added.
func (r *Response) MarshalJSON() ([]byte, error) { return encode(nil, r.write) }

// AppendJSON appends what MarshalJSON writes.
func (r *Response) AppendJSON(dst []byte) ([]byte, error) { return encode(dst, r.write) }

// UnmarshalJSON reads a response leniently: a missing usage is zeros, an
// unknown role is kept, an absent finish_reason is "".
func (r *Response) UnmarshalJSON(data []byte) error { return decode(data, r.read) }

func (r *Response) write(s *stream) {
	o := startObject(s)
	o.str("id", r.ID)
	o.str("object", r.Object)
	o.field("created").WriteInt64(r.Created)
	o.str("model", r.Model)
	o.field("choices").WriteArrayStart()
	for i := range r.Choices {
		if i > 0 {
			s.WriteMore()
		}
		r.Choices[i].write(s)
	}
	s.WriteArrayEnd()
	r.Usage.write(o.field("usage"))
	if r.Attempts != nil {
		writeAttempts(o.field("attempts"), r.Attempts)
	}
	o.extra(r.Extra)
	o.end()
}

func (r *Response) read(it *iterator) {
	if !readFields(it, func(it *iterator, key string) {
		switch key {
		case "id":
			r.ID = readString(it)
		case "object":
			r.Object = readString(it)
		case "created":
			r.Created = int64(readFloat(it))
		case "model":
			r.Model = readString(it)
		case "choices":
			r.readChoices(it)
		case "usage":
			if u := readUsage(it); u != nil {
				r.Usage = *u
			}
		case "attempts":
			it.Skip() // ours, never the provider's
		default:
			r.Extra.read(it, key)
		}
	}) {
		it.ReportError("response", "expected a JSON object")
	}
}

func (r *Response) readChoices(it *iterator) {
	readItems(it, func(it *iterator) {
		c := Choice{Index: len(r.Choices)}
		if readFields(it, c.readField) {
			if c.Message.Role == "" {
				c.Message.Role = RoleAssistant
			}
			r.Choices = append(r.Choices, c)
		}
	})
}

func (c *Choice) readField(it *iterator, key string) {
	switch key {
	case "index":
		c.Index = readInt(it)
	case "message":
		c.Message.read(it)
	case "text": // old completions, and some small servers
		if text := readString(it); c.Message.Content == "" {
			c.Message.Content = text
		}
	case "finish_reason":
		c.FinishReason = readString(it)
	case "logprobs":
		c.Logprobs = readRaw(it)
	default:
		c.Extra.read(it, key)
	}
}

func (c *Choice) write(s *stream) {
	o := startObject(s)
	o.field("index").WriteInt(c.Index)
	c.Message.write(o.field("message"))
	if c.FinishReason == "" {
		o.field("finish_reason").WriteNil()
	} else {
		o.str("finish_reason", c.FinishReason)
	}
	o.raw("logprobs", c.Logprobs)
	o.extra(c.Extra)
	o.end()
}
