package llm

func (m *Message) readCall(r *reader) {
	if r.next() == 'n' { // null is no call
		r.skip()
		return
	}
	m.ToolCalls = append(m.ToolCalls, ToolCall{Index: -1})
	c := &m.ToolCalls[len(m.ToolCalls)-1]
	if c.read(r); r.answer && !r.halves && c.isEmpty() {
		m.ToolCalls = m.ToolCalls[:len(m.ToolCalls)-1]
	}
}

// isEmpty tells whether there is nothing of a call but, perhaps, its place.
func (c *ToolCall) isEmpty() bool {
	return c.ID == "" && (c.Type == "" || c.Type == "function") && c.Function == (FunctionCall{}) && c.Extra == nil
}

func writeToolCalls(w *writer, calls []ToolCall, delta bool) {
	w.beginArray()
	for i := range calls {
		if i > 0 {
			w.comma()
		}
		calls[i].writeAs(w, delta)
	}
	w.endArray()
}

func (c *ToolCall) write(w *writer) { c.writeAs(w, false) }

// writeAs writes a call, which has its id and its type even where the server
// sent none, or a delta of one, which has what it adds.
func (c *ToolCall) writeAs(w *writer, delta bool) {
	o := w.object()
	if c.Index >= 0 {
		o.field("index").int(c.Index)
	}
	kind := c.Type
	if kind == "" && !delta {
		kind = "function"
	}
	if c.ID != "" || !delta {
		o.str("id", c.ID)
	}
	o.strUnlessEmpty("type", kind)
	if c.Function != (FunctionCall{}) || kind == "function" || kind == "" {
		c.Function.write(o.field("function"))
	}
	o.extra(c.Extra)
	o.end()
}

func (c *ToolCall) read(r *reader) {
	for more := r.object(); more; more = r.nextField() {
		switch string(r.key) {
		case "index":
			c.Index = r.index(-1)
		case "id":
			c.ID = r.textOrNumber()
		case "type":
			c.Type = r.word()
		case "function":
			c.Function.read(r)
		default:
			r.extra(&c.Extra)
		}
	}
}

// MarshalJSON writes the call.
func (c ToolCall) MarshalJSON() ([]byte, error) { return encode(nil, c.write) }

// UnmarshalJSON reads the call; Index is -1 where there is none.
func (c *ToolCall) UnmarshalJSON(data []byte) error {
	c.Index = -1
	r := newReader(data)
	c.read(&r)
	return r.end()
}

func (f *FunctionCall) write(w *writer) {
	o := w.object()
	o.strUnlessEmpty("name", f.Name)
	o.str("arguments", f.Arguments)
	o.end()
}

func (f *FunctionCall) read(r *reader) {
	for more := r.object(); more; more = r.nextField() {
		switch string(r.key) {
		case "name":
			f.Name = r.piece()
		case "arguments":
			if c := r.next(); c == '{' || c == '[' {
				f.Arguments = string(r.raw()) // some servers send the object itself
			} else {
				f.Arguments = r.piece()
			}
		default:
			r.skip()
		}
	}
}

// functionCall reads a function call; nil if something else stands there.
func (r *reader) functionCall() *FunctionCall {
	if r.next() != '{' {
		r.skip()
		return nil
	}
	f := &FunctionCall{}
	f.read(r)
	return f
}
