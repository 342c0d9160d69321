package llm

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
)

func (j *joint) addList(at jointPlace, raw json.RawMessage) {
	same := bytes.Equal(j.lastValue(), raw)
	if same && at.in == inChunk {
		return
	}
	items := elementsOf(raw)
	if len(items) == 0 {
		return
	}
	pieces := isPiece(items[0])
	if pieces == yesNumber && (at.deep || at.in == inChunk) {
		pieces = no
	}
	if same && pieces == no {
		return
	}
	j.expand(at)
	all := len(items)
	switch pieces {
	case yesIndexed, yesNumber:
	case yesText:
		if len(items) > len(j.items) && j.begins(items) {
			items = items[len(j.items):] // all so far, and more
		}
	default:
		if len(items) >= len(j.items) && j.begins(items) {
			items = items[len(j.items):]
		}
	}
	j.last = raw
	for i, item := range items {
		if i == 0 && len(items) == all && len(j.items) > 0 && j.items[len(j.items)-1].takes(at.name, item) {
			j.items[len(j.items)-1].add(at, item)
			continue
		}
		j.addItem(at, item)
	}
}

// takes tells whether an item of thoughts goes on in the first one of the next
// list, without an index. A signature ends it.
func (to *jointItem) takes(list string, raw json.RawMessage) bool {
	if list != "thinking" && list != "thinking_blocks" && list != "reasoning_details" || to.shape() != '{' || raw[0] != '{' {
		return false
	}
	index, id, kind := marksOf(raw)
	return index == "" && kind != "" && kind == to.kindOf && (id == "" || to.id == "" || id == to.id) &&
		!strings.Contains(kind, "encrypted") && !strings.Contains(kind, "redacted") && !to.signed()
}

func (to *jointItem) signed() bool {
	if to.kind != 0 {
		s := to.fields["signature"]
		return s != nil && (s.kind != 0 || !isEmpty(s.raw))
	}
	return textField(to.raw, "signature") != ""
}

// begins tells whether items begins with what is there.
func (j *joint) begins(items []json.RawMessage) bool {
	for i, item := range j.items {
		if item.kind != 0 || !bytes.Equal(item.raw, items[i]) {
			return false
		}
	}
	return len(j.items) > 0
}

// addItem appends an item, or joins it with the one that has its index.
func (j *joint) addItem(at jointPlace, raw json.RawMessage) {
	index, id, kind := "", "", ""
	if raw[0] == '{' {
		index, id, kind = marksOf(raw)
	}
	if index != "" {
		if to := j.find(index, id, kind); to != nil {
			to.joint.add(at, raw)
			j.mark(to, index, id, kind)
			return
		}
	}
	item := &jointItem{joint: joint{raw: raw, times: 1}}
	j.items = append(j.items, item)
	j.mark(item, index, id, kind)
}

// Called, not inlined: 0.4 KB less of the library.
//
//go:noinline
func (j *joint) mark(item *jointItem, index, id, kind string) {
	item.id = cmp.Or(id, item.id)
	item.kindOf = cmp.Or(kind, item.kindOf)
	if index == "" {
		return
	}
	if j.places == nil {
		j.places = map[string]*jointItem{}
	}
	j.places[index] = item
	j.places[index+" kind "+item.kindOf] = item
	if item.id != "" {
		j.places[index+" id "+item.id] = item
	}
}

// find is the item that an entry with an index belongs to. Another id, or
// another type, is another entry.
func (j *joint) find(index, id, kind string) *jointItem {
	to := j.places[index]
	if kind != "" && to != nil && to.kindOf != kind {
		if to = j.places[index+" kind "+kind]; to == nil {
			to = j.places[index+" kind "]
		}
	}
	if to != nil && id != "" && to.id != "" && to.id != id {
		to = j.places[index+" id "+id]
	}
	return to
}

// marksOf reads what tells an object from others in its list.
func marksOf(raw json.RawMessage) (index, id, kind string) {
	r := newReader(raw)
	for more := r.Object(); more; more = r.NextField() {
		switch string(r.Key) {
		case "index":
			if n := r.Index(-1); n >= 0 {
				index = strconv.Itoa(n)
			}
		case "id":
			id = r.Text()
		case "type":
			kind = r.Text()
		}
	}
	return index, id, kind
}

type pieceKind uint8

const (
	no         pieceKind = iota
	yesIndexed           // its index says which entry it belongs to
	yesNumber
	yesText // an object with a text that goes on
)

// isPiece tells whether equal items of a list may follow each other.
func isPiece(raw json.RawMessage) pieceKind {
	switch shape(raw) {
	case 0:
		return yesNumber
	case '{':
		kind := no
		r := newReader(raw)
		for more := r.Object(); more; more = r.NextField() {
			switch name := string(r.Key); {
			case name == "index" && r.Index(-1) >= 0:
				return yesIndexed
			case name == "index":
			case pieceNames.Has(name) && r.Next() == '"':
				kind = yesText
			}
		}
		return kind
	}
	return no
}

// elementsOf are the elements of a list, which are parts of raw.
func elementsOf(raw json.RawMessage) (items []json.RawMessage) {
	r := newReader(raw)
	for more := r.Array(); more; more = r.NextItem() {
		if from := r.Span(); r.Err == nil {
			items = append(items, raw[from:r.Pos])
		}
	}
	return items
}
