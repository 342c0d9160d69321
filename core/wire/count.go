package wire

// Count is a number of tokens that an answer names; nil stays nil, unknown.
func Count(n *float64) *int {
	if n == nil {
		return nil
	}
	count := int(*n)
	return &count
}

// OrZero is a number to add up; 0 where the answer names none.
func OrZero(n *float64) float64 {
	if n == nil {
		return 0
	}
	return *n
}
