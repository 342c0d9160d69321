package bedrock

import "github.com/llmagg/llmagg/core/llm"

// This file keeps blocks apart that are open at the same time: a server may
// begin several, mix their deltas, and end none.

// begin begins a block and lays the one at hand aside. A block that is open
// with its number ends; what it still had to say is the delta.
func (s *stream) begin(index int) (d *llm.Message) {
	if s.turnTo(index) {
		d = s.close()
	} else if s.block.open {
		s.parked = append(s.parked, s.block)
	}
	s.block = openBlock{index: index, open: true}
	return d
}

// turnTo takes up the block with this index; false if none is open.
func (s *stream) turnTo(index int) bool {
	if s.block.open && s.block.index == index {
		return true
	}
	for i := range s.parked {
		if s.parked[i].index != index {
			continue
		}
		next := s.parked[i]
		s.parked = append(s.parked[:i], s.parked[i+1:]...)
		if s.block.open {
			s.parked = append(s.parked, s.block)
		}
		s.block = next
		return true
	}
	return false
}

// closeAll ends the blocks that nobody has ended, at the end of the answer.
func (s *stream) closeAll() *llm.Message {
	m := &llm.Message{NullContent: true}
	blocks := append(s.parked, s.block)
	s.parked = nil
	for _, s.block = range blocks {
		if d := s.close(); d != nil {
			m.Content += d.Content
			m.NullContent = m.NullContent && d.NullContent
			m.ToolCalls = append(m.ToolCalls, d.ToolCalls...)
		}
	}
	return m
}
