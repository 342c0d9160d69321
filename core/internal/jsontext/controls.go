package jsontext

// WithoutControls gives JSON text in which control characters inside of strings
// are escaped: programs that put JSON together by hand write line ends and tabs
// there as they are, and nothing else can be meant. Text without any is given
// back as it is.
func WithoutControls(data []byte) []byte {
	const digits = "0123456789abcdef"
	var clean []byte
	from, quoted, escaped := 0, false, false
	for at, c := range data {
		switch {
		case escaped:
			escaped = false
		case !quoted:
			quoted = c == '"'
		case c == '"':
			quoted = false
		case c == '\\':
			escaped = true
		case c < ' ':
			clean = append(append(clean, data[from:at]...), '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
			from = at + 1
		}
	}
	if from == 0 {
		return data
	}
	return append(clean, data[from:]...)
}
