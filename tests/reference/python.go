package reference

import "strings"

// pythonString is a literal as Python's formatter writes it.
func pythonString(text string) string {
	quote := `"`
	if strings.Contains(text, quote) {
		quote = "'"
	}
	return quote + text + quote
}

// pythonTexts are the lines of a tuple.
func pythonTexts(texts []string) string {
	const gap = "\x00" // a space in a text, where no line ends
	var list []string
	for _, text := range texts {
		list = append(list, strings.ReplaceAll(pythonString(text), " ", gap)+",")
	}
	return strings.ReplaceAll(wrapped(strings.Join(list, " "), "    ", 120), gap, " ")
}

// pythonText are the lines of a text in parentheses.
func pythonText(text string) string {
	var b strings.Builder
	lines := strings.Split(strings.TrimSuffix(wrapped(text, "", 110), "\n"), "\n")
	for i, line := range lines {
		if i < len(lines)-1 {
			line += " "
		}
		b.WriteString("    " + pythonString(line) + "\n")
	}
	return b.String()
}

// pythonModels are the lines of a dict from vendors to their models.
func pythonModels(models []string) string {
	var b strings.Builder
	for _, model := range models {
		vendor, name, _ := strings.Cut(model, "/")
		b.WriteString("    " + pythonString(vendor) + ": " + pythonString(name) + ",\n")
	}
	return b.String()
}
