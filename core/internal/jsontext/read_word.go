package jsontext

import "strings"

// maxWordShown is how many bytes stand for a word that has none in it.
const maxWordShown = 100

// wordNames are the fields in which objects have the word that they are about,
// the likeliest first.
var wordNames = [...]string{"reason", "finish_reason", "stop_reason", "type", "name", "value", "code", "kind"}

// WordLike is [Reader.TextLike] for a word of a known list, such as why an
// answer ended, which servers also write as an object that has it, as a list of
// it, or as its number. A value that has no word stands for itself, so that its
// reader sees what came; 0 and what is empty are "", as null is.
func (r *Reader) WordLike(before string) string {
	switch c := r.Next(); {
	case c == '{' || c == '[':
		from := r.Span()
		if r.Err != nil {
			return ""
		}
		return wordIn(r.Data[from:r.Pos])
	case c == '-' || c >= '0' && c <= '9':
		if word := r.TextOrNumber(); word != "0" {
			return word
		}
		return ""
	}
	return r.TextLike(before)
}

// wordIn is the word of an object or a list whose syntax was read.
func wordIn(raw []byte) string {
	in := Reader{Data: raw, Most: MaxDepth, Lenient: true, Dirty: true}
	best, found, some := len(wordNames), "", false
	take := func(rank int) {
		first := in.Next()
		from := in.Span()
		value := string(in.Data[from:in.Pos])
		some = some || !strings.Contains(` null false "" [] {} `, " "+value+" ")
		if first != '"' || rank >= best {
			return
		}
		text := Reader{Data: []byte(value), Most: 1, Dirty: true}
		if word := text.Text(); word != "" {
			best, found = rank, word
		}
	}
	if raw[0] == '[' {
		for more := in.Array(); more; more = in.NextItem() {
			if in.Next() == '{' && found == "" {
				from := in.Span()
				if word := wordIn(in.Data[from:in.Pos]); word != "" && word[0] != '{' { // else it has no word
					best, found = 0, word
				}
				some = true
				continue
			}
			take(0)
		}
	} else {
		for more := in.Object(); more; more = in.NextField() {
			take(rankOf(string(in.Key)))
		}
	}
	switch {
	case found != "":
		return found
	case !some:
		return ""
	case len(raw) > maxWordShown:
		return strings.ToValidUTF8(string(raw[:maxWordShown]), "") + "…"
	}
	return strings.ToValidUTF8(string(raw), "\uFFFD")
}

func rankOf(name string) int {
	for i, known := range wordNames {
		if name == known {
			return i
		}
	}
	return len(wordNames)
}
