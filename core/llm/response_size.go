package llm

// LongAnswer is from how many bytes on [Response.SizeOfLong] looks at a
// response.
const LongAnswer = 1 << 20

// SizeOfLong is about how many bytes of JSON a response is that has very long
// texts, so that its writer can have the room at once: a buffer that grows
// would cost the answer's size two times more. 0 for all others, which are told
// by their lengths alone.
func (r *Response) SizeOfLong() int {
	if r.texts(func(s string) int { return len(s) }) < LongAnswer {
		return 0
	}
	size := r.texts(sizeOfText)
	return size + size/64 + 64<<10 // the rest
}

// texts sums up what may be long.
func (r *Response) texts(size func(string) int) int {
	sum := 0
	for i := range r.Choices {
		c := &r.Choices[i]
		sum += size(c.Message.Content) + size(c.Message.ReasoningContent) + size(c.Message.Refusal)
		sum += len(c.Message.Audio) + len(c.Logprobs)
		for k := range c.Message.Parts {
			sum += size(c.Message.Parts[k].Text) + size(c.Message.Parts[k].Refusal)
		}
		for k := range c.Message.ToolCalls {
			_, text := c.Message.ToolCalls[k].said()
			sum += size(*text)
		}
		if f := c.Message.FunctionCall; f != nil {
			sum += size(f.Arguments)
		}
		for _, raw := range c.Message.Extra {
			sum += len(raw)
		}
	}
	return sum
}

// sizeOfText is how long appendText makes a text, without its quotes.
func sizeOfText(s string) int {
	size := len(s)
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"', c == '\\', c == '\n', c == '\r', c == '\t':
			size++
		case c < 0x20:
			size += len(`\u0000`) - 1
		}
	}
	return size
}
