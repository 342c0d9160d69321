package anthropic

import "github.com/llmagg/llmagg/core/llm"

// This file keeps blocks apart that are open at the same time. The API's own
// server ends each before it begins the next; servers that speak its format
// begin several and mix their deltas, or end none.

// park lays the open block aside, since another begins.
func (s *stream) park(next int) {
	if !s.block.open {
		return
	}
	if s.block.index == next { // without an end, and its number is used again
		s.close()
		return
	}
	s.parked = append(s.parked, s.block)
	s.block.open = false
}

// unpark takes the block with this index up again, if there is one.
func (s *stream) unpark(index int) bool {
	for i := range s.parked {
		if s.parked[i].index == index {
			s.block, s.parked[i] = s.parked[i], s.block
			if !s.parked[i].open {
				s.parked = append(s.parked[:i], s.parked[i+1:]...)
			}
			return true
		}
	}
	return false
}

// stop ends a block: that with the index, or the one at hand.
func (s *stream) stop(index int) *llm.Message {
	if s.block.open && s.block.index != index || !s.block.open {
		s.unpark(index)
	}
	return s.close()
}

// closeAll ends the blocks that nobody has ended, at the end of the answer.
func (s *stream) closeAll(reason string) *llm.Message {
	m := &llm.Message{NullContent: true}
	for reason != "" {
		if !s.block.open {
			if len(s.parked) == 0 {
				break
			}
			s.unpark(s.parked[0].index)
		}
		if d := s.close(); d != nil {
			m.Content += d.Content
			m.NullContent = m.NullContent && d.NullContent
			m.ToolCalls = append(m.ToolCalls, d.ToolCalls...)
		}
	}
	return m
}
