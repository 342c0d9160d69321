package llm

import (
	"bytes"
	"encoding/base64"
	"encoding/json"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/wordlist"
)

// joint is a JSON value that this package does not know and that comes in
// pieces: texts are joined, lists appended, objects joined field by field,
// numbers and the like replaced; null changes nothing, and what repeats
// unchanged stays once. The first value stays as it came until another one
// comes. Joining is linear in the bytes of the pieces.
type joint struct {
	raw   json.RawMessage // all there is while kind is 0, and the last value of numbers and the like
	times int             // how often raw came in a row, unchanged

	kind   byte   // the first byte of a value that has several pieces
	text   []byte // as JSON, without the closing quote
	items  []*jointItem
	last   json.RawMessage       // the list or object that came last
	places map[string]*jointItem // of items, by what tells entries with an index apart
	fields map[string]*joint
	order  []string // of fields
}

type jointItem struct {
	joint
	id, kindOf string
}

// jointPlace is where a joint stands. Texts in a delta are pieces of a longer
// text. Elsewhere a text is a mark (a name, a reason, a state), which replaces
// the one before it. A chunk repeats its own fields.
type jointPlace struct {
	name string
	in   jointLevel
	deep bool // inside another unknown field
}

type jointLevel uint8

const (
	inDelta jointLevel = iota
	inChoice
	inChunk
)

// pieceNames are fields whose texts are pieces even where they are all the
// same.
const pieceNames wordlist.List = `
text content reasoning reasoning_content reasoning_text thinking thought summary transcript data arguments input refusal code
partial_json bytes redactedContent b64_json`

// base64Names are fields whose texts are base64. Some servers end each piece
// with padding of its own.
const base64Names wordlist.List = "data bytes redactedContent b64_json"

// markNames are fields whose texts name something: a later one replaces an
// earlier one.
const markNames wordlist.List = `
type id format index object role model name status mime_type url title provider thought_signature call_id item_id created
detail finish_reason stop_reason`

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || raw[0] == 'n' }

// shape is the first byte of a text, a list or an object, 0 of anything else.
func shape(raw json.RawMessage) byte {
	switch c := raw[0]; c {
	case '"', '[', '{':
		return c
	}
	return 0
}

func (j *joint) add(at jointPlace, raw json.RawMessage) {
	switch {
	case len(raw) == 0:
	case isNull(j.raw) && j.kind == 0:
		j.raw, j.times = raw, 1
	case isNull(raw):
	case j.shape() != shape(raw), at.name == PartsField && isParts(raw): // all parts so far
		*j = joint{raw: raw, times: 1}
	default:
		switch shape(raw) {
		case '"':
			j.addText(at, raw)
		case '[':
			j.addList(at, raw)
		case '{':
			j.addObject(at, raw)
		default:
			j.raw = raw
		}
	}
}

func (j *joint) shape() byte {
	if j.kind != 0 {
		return j.kind
	}
	return shape(j.raw)
}

// expand makes a list or an object able to take more.
func (j *joint) expand(at jointPlace) {
	if j.kind != 0 {
		return
	}
	first := j.raw
	j.kind, j.raw = first[0], nil
	j.last = first
	if j.kind == '{' {
		j.addFields(at, first)
		return
	}
	for _, item := range elementsOf(first) {
		j.addItem(at, item)
	}
}

func (j *joint) addObject(at jointPlace, raw json.RawMessage) {
	if at.in != inDelta && bytes.Equal(j.lastValue(), raw) {
		return
	}
	j.expand(at)
	j.last = raw
	j.addFields(at, raw)
}

// lastValue is the list or object that came last.
func (j *joint) lastValue() json.RawMessage {
	if j.kind == 0 {
		return j.raw
	}
	return j.last
}

func (j *joint) addText(at jointPlace, raw json.RawMessage) {
	piece := pieceNames.Has(at.name)
	switch {
	case len(raw) == 2: // ""
		return
	case j.kind == 0 && len(j.raw) == 2, !piece && (at.in != inDelta || markNames.Has(at.name)):
		*j = joint{raw: raw, times: 1}
		return
	case j.kind == 0 && !piece && bytes.Equal(j.raw, raw):
		j.times++ // a mark that every chunk repeats, or the beginning of a text
		return
	}
	coded := piece && base64Names.Has(at.name)
	if j.kind == 0 {
		j.kind = '"'
		j.text = append(j.text, '"')
		for range j.times {
			j.addPiece(j.raw, coded)
		}
		j.raw = nil
	}
	j.addPiece(raw, coded)
}

// addPiece adds a piece of a text: coded says that it should be base64.
func (j *joint) addPiece(raw json.RawMessage, coded bool) {
	inside := raw[1 : len(raw)-1]
	if coded {
		if bytes.IndexByte(inside, '\\') >= 0 { // servers escape / and =
			raw = jsontext.AppendText(nil, string(jsontext.Unescape(inside, true)))
			inside = raw[1 : len(raw)-1]
		}
		if j.text[len(j.text)-1] == '=' && j.addBase64(inside) {
			return
		}
	}
	j.text = append(j.text, inside...)
}

// addBase64 adds a piece behind padding; false if one of them is no base64.
func (j *joint) addBase64(piece []byte) bool {
	const quantum = 4
	end := len(j.text) - quantum
	if end < 1 {
		return false
	}
	data, err := base64.StdEncoding.AppendDecode(nil, j.text[end:])
	if err == nil {
		data, err = base64.StdEncoding.AppendDecode(data, piece)
	}
	if err != nil {
		return false
	}
	j.text = base64.StdEncoding.AppendEncode(j.text[:end], data)
	return true
}

func (j *joint) addFields(at jointPlace, raw json.RawMessage) {
	r := newReader(raw)
	for more := r.Object(); more; more = r.NextField() {
		name := string(r.Key)
		from := r.Span()
		if r.Err != nil {
			return
		}
		f := j.fields[name]
		if f == nil {
			if j.fields == nil {
				j.fields = map[string]*joint{}
			}
			f = &joint{}
			j.fields[name] = f
			j.order = append(j.order, name)
		}
		f.add(jointPlace{name, at.in, true}, raw[from:r.Pos])
	}
}

// appendTo writes the joined value.
func (j *joint) appendTo(dst []byte) []byte {
	switch j.kind {
	case '"':
		return append(append(dst, j.text...), '"')
	case '[':
		dst = append(dst, '[')
		for i, item := range j.items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = item.appendTo(dst)
		}
		return append(dst, ']')
	case '{':
		dst = append(dst, '{')
		for i, name := range j.order {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(jsontext.AppendText(dst, name), ':')
			dst = j.fields[name].appendTo(dst)
		}
		return append(dst, '}')
	}
	return append(dst, j.raw...)
}

// value is the joined value. Half of a character is replaced if its other half
// never came.
func (j *joint) value() json.RawMessage {
	value := j.raw
	if j.kind != 0 {
		value = j.appendTo(nil)
	}
	return jsontext.ToValid(value)
}

// rest is what a whole value adds to what has been joined; nil for nothing.
func (j *joint) rest(whole json.RawMessage) json.RawMessage {
	if isNull(whole) {
		return nil
	}
	if j == nil || isNull(j.raw) && j.kind == 0 {
		return whole
	}
	if j.shape() != shape(whole) {
		return nil
	}
	switch shape(whole) {
	case '"':
		have := j.appendTo(nil)
		if rest, ok := bytes.CutPrefix(whole[:len(whole)-1], have[:len(have)-1]); ok && len(rest) > 0 {
			return append(append(json.RawMessage{'"'}, rest...), '"')
		}
	case '[':
		j.expand(jointPlace{})
		if items := elementsOf(whole); len(items) > len(j.items) {
			more := &joint{kind: '['}
			for _, item := range items[len(j.items):] {
				more.items = append(more.items, &jointItem{joint: joint{raw: item}})
			}
			return more.appendTo(nil)
		}
	case '{':
		j.expand(jointPlace{})
		more := &joint{kind: '{', fields: map[string]*joint{}}
		r := newReader(whole)
		for ok := r.Object(); ok; ok = r.NextField() {
			name := string(r.Key)
			from := r.Span()
			if r.Err != nil {
				break
			}
			if rest := j.fields[name].rest(whole[from:r.Pos]); rest != nil {
				more.order = append(more.order, name)
				more.fields[name] = &joint{raw: rest}
			}
		}
		if len(more.order) > 0 {
			return more.appendTo(nil)
		}
	}
	return nil
}

// JoinValues makes one value of the pieces of one, as an [Accumulator] joins
// the fields of a delta that it does not know; nil of none.
func JoinValues(pieces ...json.RawMessage) json.RawMessage {
	var j joint
	for _, raw := range pieces {
		j.add(jointPlace{}, raw)
	}
	return j.value()
}

// joints are the unknown fields of an object that comes in pieces.
type joints map[string]*joint

// Called, not inlined: 1.3 KB less of the library.
//
//go:noinline
func (m *joints) add(e Extra, in jointLevel) {
	for name, raw := range e {
		m.addField(jointPlace{name: name, in: in}, raw)
	}
}

func (m *joints) addField(at jointPlace, raw json.RawMessage) {
	j := (*m)[at.name]
	if j == nil {
		if *m == nil {
			*m = joints{}
		}
		j = &joint{}
		(*m)[at.name] = j
	} else if at.in == inChunk && bytes.Equal(j.lastValue(), raw) {
		return
	}
	j.add(at, raw)
}

// lacking is what the unknown fields of a whole value hold beyond the pieces
// that have come.
func (m joints) lacking(whole Extra) (more Extra) {
	for name, raw := range whole {
		if raw = m[name].rest(raw); raw != nil {
			more.Put(name, raw)
		}
	}
	return more
}

func (m joints) extra() Extra {
	if len(m) == 0 {
		return nil
	}
	e := make(Extra, len(m))
	for name, j := range m {
		e[name] = j.value()
	}
	return e
}
