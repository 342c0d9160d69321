package llm

import "github.com/llmagg/llmagg/core/internal/jsontext"

func (m *Message) readCalls(r *reader) {
	switch c := r.Next(); {
	case c == '{' && r.answer: // a call without its list
		from, key, before := r.Pos, r.Key, len(m.ToolCalls)
		r.listed(func(number int) {
			have := len(m.ToolCalls)
			if m.readCall(r); len(m.ToolCalls) > have && m.ToolCalls[have].Index < 0 {
				m.ToolCalls[have].Index = number
			}
		})
		if len(m.ToolCalls) == before && r.Err == nil {
			r.Pos, r.Key = from, key
			r.unread(&m.Extra)
		}
	case c == '[':
		from, key, have, odd := r.Pos, r.Key, len(m.ToolCalls), false
		for more := r.Array(); more; more = r.NextItem() {
			if first := r.Next(); first == '{' || first == 'n' || !r.answer {
				m.readCall(r)
			} else if first != '"' || !m.readQuotedCalls(r) {
				odd = true
			}
		}
		if odd && len(m.ToolCalls) == have && r.Err == nil {
			r.Pos, r.Key = from, key
			r.unread(&m.Extra)
		}
	case c == '"' && r.answer:
		if !m.readQuotedCalls(r) {
			r.unread(&m.Extra)
		}
	default:
		r.unread(&m.Extra)
	}
}

// readQuotedCalls reads calls that came as a text of JSON; it moves on only
// where they are whole.
func (m *Message) readQuotedCalls(r *reader) bool {
	in, at := r.quoted()
	have := len(m.ToolCalls)
	known := in.Next() == '{' || in.Peek() == '['
	if known {
		m.readCalls(&in)
	}
	if !known || in.End() != nil {
		m.ToolCalls = m.ToolCalls[:have]
		return false
	}
	r.Pos = at
	return true
}

func (m *Message) readCall(r *reader) {
	if r.Next() == 'n' { // null is no call
		return
	}
	m.ToolCalls = append(m.ToolCalls, ToolCall{Index: -1})
	c := &m.ToolCalls[len(m.ToolCalls)-1]
	if c.read(r); r.answer && !r.Halves && c.isEmpty() {
		m.ToolCalls = m.ToolCalls[:len(m.ToolCalls)-1]
	}
}

// HasCalls tells whether there is a call, or a piece of one, with anything in
// it.
func (m *Message) HasCalls() bool {
	for i := range m.ToolCalls {
		if !m.ToolCalls[i].isEmpty() {
			return true
		}
	}
	return m.FunctionCall != nil && !m.FunctionCall.isEmpty()
}

// isEmpty tells whether there is nothing of a call but, perhaps, its place.
func (c *ToolCall) isEmpty() bool {
	return c.ID == "" && (c.Type == "" || c.Type == "function") && c.Function.isEmpty() && c.Custom.isEmpty() && c.Extra == nil
}

func (f *FunctionCall) isEmpty() bool { return f.Name == "" && f.Arguments == "" && f.Extra == nil }

func (c *CustomCall) isEmpty() bool {
	return c == nil || c.Name == "" && c.Input == "" && c.Extra == nil
}

// said gives what a call, or a piece of one, names and says: a function and its
// arguments, or a custom tool and its input.
func (c *ToolCall) said() (name, text *string) {
	if c.Custom != nil {
		return &c.Custom.Name, &c.Custom.Input
	}
	return &c.Function.Name, &c.Function.Arguments
}

func (c *ToolCall) write(w *jsontext.Writer) { c.writeAs(w, false) }

// writeAs writes a call, which has its id and its type even where the server
// sent none, or a delta of one, which has what it adds.
func (c *ToolCall) writeAs(w *jsontext.Writer, delta bool) {
	o := w.Object()
	if c.Index >= 0 {
		o.Field("index").Int(c.Index)
	}
	kind := c.Type
	if kind == "" && !delta {
		kind = "function"
		if c.Custom != nil {
			kind = "custom"
		}
	}
	if c.ID != "" || !delta {
		o.Str("id", c.ID)
	}
	o.StrUnlessEmpty("type", kind)
	if !c.Function.isEmpty() || c.Custom == nil && (kind == "function" || kind == "") {
		c.Function.write(o.Field("function"))
	}
	if c.Custom != nil {
		c.Custom.write(o.Field("custom"))
	}
	o.Extra(c.Extra)
	o.End()
}

func (c *ToolCall) read(r *reader) {
	for more := r.Object(); more; more = r.NextField() {
		switch string(r.Key) {
		case "index":
			c.Index = r.Index(-1)
		case "id":
			c.ID = r.TextOrNumber()
		case "type":
			c.Type = r.word()
		case "function":
			if first := r.Next(); first != '{' && first != 'n' {
				r.unread(&c.Extra)
				break
			}
			c.Function.read(r)
		case "custom":
			if r.Next() != '{' {
				r.extra(&c.Extra)
				break
			}
			c.Custom = &CustomCall{}
			c.Custom.read(r)
		default:
			r.extra(&c.Extra)
		}
	}
	if r.answer && (c.Extra != nil || c.Function.Extra != nil) {
		c.takeFlat(r)
	}
}

// MarshalJSON writes the call.
func (c ToolCall) MarshalJSON() ([]byte, error) { return jsontext.Encode(nil, c.write) }

// UnmarshalJSON reads the call; Index is -1 where there is none.
func (c *ToolCall) UnmarshalJSON(data []byte) error {
	c.Index = -1
	r := newReader(data)
	c.read(&r)
	return r.End()
}

func (f *FunctionCall) write(w *jsontext.Writer) {
	writeCalled(w, f.Name, "arguments", f.Arguments, f.Extra)
}

func (c *CustomCall) write(w *jsontext.Writer) { writeCalled(w, c.Name, "input", c.Input, c.Extra) }

// writeCalled writes what is called, and its arguments or its input.
func writeCalled(w *jsontext.Writer, name, key, text string, extra Extra) {
	o := w.Object()
	o.StrUnlessEmpty("name", name)
	o.Str(key, text)
	o.Extra(extra)
	o.End()
}

func (f *FunctionCall) read(r *reader) { r.called(&f.Name, "arguments", &f.Arguments, &f.Extra) }

func (c *CustomCall) read(r *reader) { r.called(&c.Name, "input", &c.Input, &c.Extra) }

func (r *reader) called(name *string, key string, text *string, extra *Extra) {
	for more := r.Object(); more; more = r.NextField() {
		switch string(r.Key) {
		case "name":
			*name = r.pieceOr(extra)
		case key:
			*text = r.pieceOrObject()
		default:
			r.extra(extra)
		}
	}
}

// pieceOrObject reads a text in which JSON stands: some servers send the object
// itself.
func (r *reader) pieceOrObject() string {
	switch c := r.Next(); {
	case c == 'n', c == '"':
		return r.Piece()
	case c == '{', c == '[', r.answer: // in answers also a number, or true
		return string(r.Raw())
	}
	return r.Piece()
}

// takeFlat reads a call whose name and arguments stand beside its id, as in
// other formats, or whose arguments have another name.
func (c *ToolCall) takeFlat(r *reader) {
	from := &c.Extra
	if c.Function.Extra != nil && c.Function.Arguments == "" {
		from = &c.Function.Extra
	} else if !c.Function.isEmpty() || c.Custom != nil {
		return
	}
	text := func(names ...string) string {
		for _, name := range names {
			if raw := (*from)[name]; !isNull(raw) {
				in := answerReader(raw)
				in.Halves = r.Halves
				from.take(name)
				return in.pieceOrObject()
			}
		}
		return ""
	}
	if c.Function.Name == "" {
		c.Function.Name = text("name")
	}
	c.Function.Arguments = text("arguments", "input", "parameters")
	if c.Type == "tool_use" {
		c.Type = "function"
	}
}

// functionCall reads a function call, in an answer also a text of its JSON; nil
// if something else stands there, which is left to be read.
func (r *reader) functionCall() *FunctionCall {
	f := &FunctionCall{}
	switch c := r.Next(); {
	case c == '{':
		f.read(r)
		return f
	case c == '"' && r.answer:
		in, at := r.quoted()
		if f.read(&in); in.End() == nil && f.Name != "" {
			r.Pos = at
			return f
		}
	}
	return nil
}
