package llm

// After is u as a usage that came after before in the same stream: what u does
// not know, or has as 0, is what before told. Servers tell the prompt's tokens
// with the first chunk only, or end a stream with zeros. The result may be one
// of the two.
func (u *Usage) After(before *Usage) *Usage {
	if u == nil {
		return before
	}
	if before == nil || u.missing == noCount && u.PromptTokens > 0 && u.CompletionTokens > 0 {
		return u
	}
	joined, filled := *u, false
	fill := func(to *int, from int, what counts) {
		if *to == 0 && from > 0 {
			*to, filled = from, true
			joined.missing &^= what
		}
	}
	fill(&joined.PromptTokens, before.PromptTokens, promptCount)
	fill(&joined.CompletionTokens, before.CompletionTokens, completionCount)
	sum := joined.PromptTokens + joined.CompletionTokens
	switch both := joined.missing&(promptCount|completionCount) == 0; {
	case filled && both:
		joined.TotalTokens = max(joined.TotalTokens, sum)
		joined.missing &^= totalCount
	case !filled:
		fill(&joined.TotalTokens, before.TotalTokens, totalCount)
	}
	if !filled {
		return u
	}
	if joined.PromptTokensDetails == nil {
		joined.PromptTokensDetails = before.PromptTokensDetails
	}
	if joined.CompletionTokensDetails == nil {
		joined.CompletionTokensDetails = before.CompletionTokensDetails
	}
	if joined.Extra == nil {
		joined.Extra = before.Extra
	}
	return &joined
}
