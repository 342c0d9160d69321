package llm

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// reader reads JSON text with what answers ask for: fields that this package
// does not know are kept, and so is what has another type than expected, as
// the clauses on tolerance in docs/promises.md want it.
type reader struct {
	jsontext.Reader

	usageRoom *Usage // for the first usage; nil for one of its own

	shared bool // what extraLike gave belongs to another object too
	strays bool // a field was kept that may hold a usage
	answer bool // what an answer has is taken however oddly it is written
	parts  bool // a message of a request has the field of parts
	shaped bool // a part of a request has to be written again

	notChat error // see [Payload.NotChat]
}

func newReader(data []byte) reader {
	return reader{Reader: jsontext.Reader{Data: data, Most: jsontext.MaxAnswerDepth}}
}

// answerReader reads an answer or a piece of one.
func answerReader(data []byte) reader {
	r := newReader(data)
	r.answer, r.Lenient, r.Dirty = true, true, !utf8.Valid(data)
	return r
}

var errNoObject = errors.New("expected a JSON object")

// word is Text where the value is probably one of those that every answer has.
func (r *reader) word() string {
	if r.Next() == '"' {
		for _, w := range words {
			if rest := r.Data[r.Pos+1:]; len(rest) > len(w) && rest[len(w)] == '"' && string(rest[:len(w)]) == w {
				r.Pos += len(w) + 2
				return w
			}
		}
	}
	return r.Text()
}

// reason reads why a choice ended. What an object says beside the word stays,
// where the server's own reason has its place.
func (r *reader) reason(to *Extra) string {
	switch r.Next() {
	case '"', 'n':
		return r.word()
	case '{':
		from := r.Pos
		word := r.WordLike("")
		if word != "" && r.Err == nil {
			r.Pos = from
			jsontext.KeepField(&r.Reader, "native_finish_reason", to)
		}
		return word
	}
	return r.WordLike("")
}

// words are roles, finish reasons, objects and types.
var words = []string{"assistant", "stop", "chat.completion", "chat.completion.chunk", "function", "tool_calls", "length"}

// extra keeps the field at hand, whose value comes next, null or not.
func (r *reader) extra(to *Extra) {
	name := nameAmong(answerFields, r.Key)
	if name == "" {
		name = string(r.Key)
	}
	r.strays = r.strays || name == "usage" || holdsUsage(r.Key)
	jsontext.KeepField(&r.Reader, name, to)
}

// extraLike is extra for an object whose forerunner was alike: where that had
// this one unknown field and the same value, both share the map.
func (r *reader) extraLike(to *Extra, before Extra) {
	from := r.Pos
	if *to == nil && len(before) == 1 {
		held := before[string(r.Key)] // before span, which may read other keys
		if value := r.Span(); r.Err == nil && bytes.Equal(held, r.Data[value:r.Pos]) {
			*to, r.shared = before, true
			r.strays = r.strays || holdsUsage(r.Key)
			return
		}
		r.Pos = from
	}
	if r.shared {
		*to, r.shared = maps.Clone(*to), false
	}
	r.extra(to)
}

// answerFields are those unknown to this package that OpenAI's answers have.
var answerFields = []string{"service_tier", "system_fingerprint", "annotations", "obfuscation"}

// nameAmong is the one of names that a key is, without a copy; "" for none.
func nameAmong(names []string, key []byte) string {
	for _, name := range names {
		if string(key) == name {
			return name
		}
	}
	return ""
}

// listed reads an object in the place of a list of objects: each element under
// its number, as PHP writes a list that has lost elements, or the only element.
// read is called where an element comes next, with its number, -1 for the only
// one.
func (r *reader) listed(read func(number int)) {
	if !r.IsNumbered() {
		read(-1)
		return
	}
	for more := r.Object(); more; more = r.NextField() {
		if number, err := strconv.Atoi(string(r.Key)); err == nil && number >= 0 && r.Next() == '{' {
			read(number)
		}
	}
}

// Numbers gives the elements of a list that their server did not number, which
// are negative in of, the number of their place, or the least one that no other
// element has: a server may leave out 0.
func Numbers(of []int) {
	if len(of) == 0 || slices.Min(of) >= 0 {
		return
	}
	taken := make(map[int]bool, len(of))
	for _, number := range of {
		taken[number] = true
	}
	least := 0
	for i, number := range of {
		if number >= 0 {
			continue
		}
		of[i] = i
		for ; taken[of[i]]; least++ {
			of[i] = least
		}
		taken[of[i]] = true
	}
}

// place gives those of n choices theirs that have no number of the server's.
func place(n int, choice func(i int) (number *int, missing bool)) {
	if n == 1 {
		number, _ := choice(0)
		*number = max(*number, 0)
		return
	}
	numbers := make([]int, n)
	for i := range numbers {
		number, missing := choice(i)
		if numbers[i] = *number; missing {
			numbers[i] = -1
		}
	}
	Numbers(numbers)
	for i, n := range numbers {
		number, _ := choice(i)
		*number = n
	}
}
