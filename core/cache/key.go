package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/wordlist"
	"github.com/llmagg/llmagg/core/llm"
)

// Key is what equal requests have in common: a SHA-256.
type Key [sha256.Size]byte

// String is the key in hexadecimal digits.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// version changes when kept answers, or the keys, come to mean something else.
const version = "llmagg-1"

// without are the fields of a request that cannot change its answer, and the
// model, for which its routes stand.
const without wordlist.List = "model stream stream_options user metadata safety_identifier prompt_cache_key prompt_cache_retention store"

// withoutHeaders are headers that cannot change an answer.
const withoutHeaders wordlist.List = "traceparent tracestate baggage x-request-id x-client-request-id idempotency-key"

// KeyOf is the key of a request on routes, each of which is told by a text. It
// holds the fields of the request, those of "extra_body" among them, in the
// order of their names and without those that are null; the call's headers; and
// the option unsupported. It holds none of the other options, nor what cannot
// change the answer: stream, user, metadata and the like. The members of
// messages may have any order; those of tools, schemas and fields of vendors
// stand as they come, since models answer in the order of a schema.
func KeyOf(p *llm.Payload, routes []string) Key {
	w := jsontext.Writer{Buf: make([]byte, 0, len(p.JSON())+256)}
	w.Text(version)
	w.Text(string(p.Options.Unsupported))
	for _, route := range routes {
		w.Text(route)
	}
	fields := make(members, 0, 8)
	for name, value := range p.Fields() {
		if !without.Has(name) && value[0] != 'n' { // null is as if it were not there
			fields = append(fields, member{name, value})
		}
	}
	sort.Stable(fields)
	for _, f := range fields {
		w.Text(f.name)
		r := jsontext.Reader{Data: f.value, Most: jsontext.MaxDepth}
		canonical(&w, &r, f.name == "messages")
	}
	headers := make([]string, 0, len(p.Options.Headers))
	for name, value := range p.Options.Headers {
		if name = strings.ToLower(name); !withoutHeaders.Has(name) {
			headers = append(headers, name+": "+value)
		}
	}
	slices.Sort(headers)
	for _, header := range headers {
		w.Text(header)
	}
	return sha256.Sum256(w.Buf)
}

// canonical writes the next value: without spaces, each text and each number in
// one spelling only. With sorted, the members of objects are in the order of
// their names.
func canonical(w *jsontext.Writer, r *jsontext.Reader, sorted bool) {
	switch c := r.Next(); {
	case c == '{':
		canonicalObject(w, r, sorted)
	case c == '[':
		w.BeginArray()
		for more := r.Array(); more; more = r.NextItem() {
			canonical(w, r, sorted)
			w.Comma()
		}
		w.EndArray()
	case c == '"':
		w.Text(r.Text())
	default:
		from := r.Span()
		if r.Err == nil {
			w.Raw(number(r.Data[from:r.Pos]))
		}
	}
}

// member is one of an object.
type member struct {
	name  string
	value []byte // as it is, or with its name as it is written
}

func canonicalObject(w *jsontext.Writer, r *jsontext.Reader, sorted bool) {
	w.Raw([]byte{'{'})
	start, ends, all := len(w.Buf), []int(nil), members(nil)
	for more := r.Object(); more; more = r.NextField() {
		all = append(all, member{name: string(r.Key)})
		w.Text(all[len(all)-1].name)
		w.Raw([]byte{':'})
		canonical(w, r, sorted)
		w.Comma()
		ends = append(ends, len(w.Buf))
	}
	if sorted && !sort.IsSorted(all) {
		whole, from := slices.Clone(w.Buf[start:]), 0
		for i, end := range ends {
			all[i].value, from = whole[from:end-start], end-start
		}
		sort.Stable(all)
		w.Buf = w.Buf[:start]
		for _, m := range all {
			w.Raw(m.value)
		}
	}
	w.Raw([]byte{'}'})
}

// members are sorted by package sort, since slices makes 7 KB of code for them.
type members []member

func (m members) Len() int           { return len(m) }
func (m members) Less(i, j int) bool { return m[i].name < m[j].name }
func (m members) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }

// number is a number in its shortest spelling; one that float64 may not hold
// exactly, and any other value, stays as it is.
func number(text []byte) []byte {
	if len(text) > 15 || text[0] != '-' && (text[0] < '0' || text[0] > '9') {
		return text
	}
	n, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return text
	}
	return strconv.AppendFloat(make([]byte, 0, 24), n, 'g', -1, 64)
}
