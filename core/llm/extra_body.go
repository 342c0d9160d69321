package llm

import (
	"iter"
	"maps"
	"slices"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/shown"
)

// parseExtraBody reads and checks "extra_body". The error is INVALID_ARGUMENT.
func parseExtraBody(v []byte) (Extra, error) {
	if v[0] == 'n' {
		return nil, nil
	}
	fields, err := jsontext.FieldsOf(v)
	if err != nil {
		return nil, Errorf(InvalidArgument, "\"extra_body\" is %s; expected an object of fields for the server, such as {\"my_server_field\": 1}", shown.Value(v))
	}
	if err := shown.Twice(fields); err != nil {
		return nil, Errorf(InvalidArgument, "\"extra_body\" %v", err)
	}
	extra := make(Extra, len(fields.List))
	for _, f := range fields.List {
		extra[f.Key] = v[f.Start:f.End:f.End]
	}
	return extra, checkExtraBody(extra)
}

// checkExtraBody refuses what the library itself decides, and known fields of
// the wrong type. Other values are sent as they are written, numbers of any
// length among them.
func checkExtraBody(extra Extra) error {
	if len(extra) == 0 {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		v := extra[name]
		if _, err := jsontext.FieldsOf(slices.Concat([]byte(`{"":`), v, []byte{'}'})); err != nil {
			return Errorf(InvalidArgument, "\"extra_body\": the field %s is not valid JSON: %v", shown.Name(name), err)
		}
		switch name {
		case "":
			return Errorf(InvalidArgument, "\"extra_body\" has a field with an empty name")
		case "model", "messages", "stream", "n":
			return Errorf(InvalidArgument, "\"extra_body\" has the field %q, which llmagg itself uses; set it in the request", name)
		}
		kind, _ := kindOf(name)
		if form := kind.expects(v); kind != kindAny && v[0] != 'n' && form != "" {
			return Errorf(InvalidArgument, "\"extra_body\": field %q is %s; expected %s", name, shown.Value(v), form)
		}
	}
	return nil
}

// merge gives the payload with the fields of extra, which replace those of the
// same name; null takes one away.
func (p *Payload) merge(extra Extra) *Payload {
	data := append(make([]byte, 0, len(p.data)+64*len(extra)), '{')
	put := func(name string, value []byte) {
		if len(data) > 1 {
			data = append(data, ',')
		}
		data = append(append(jsontext.AppendText(data, name), ':'), value...)
	}
	for _, f := range p.fields {
		if _, replaced := extra[f.Key]; !replaced {
			put(f.Key, p.data[f.Start:f.End])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		put(name, extra[name])
	}
	merged, err := readPayload(append(data, '}'), span{}, true)
	if err != nil {
		merged = &Payload{refused: err}
	}
	merged.Options = p.Options
	return merged
}

// With gives the payload with other values of some fields; null takes a field
// away. It does not judge the names of fields.
func (p *Payload) With(changes Extra) *Payload { return p.merge(changes) }

// Without is the request without a field, whose value the field other gets
// unless that is "" or there already.
func (p *Payload) Without(name, other string) *Payload {
	changes := Extra{name: []byte("null")}
	if other != "" && p.Field(other) == nil {
		changes[other] = p.Field(name)
	}
	return p.With(changes)
}

// Field is the value of a field of the request, nil if it has none. Called, not
// inlined: 5.9 KB less of the library.
//
//go:noinline
func (p *Payload) Field(name string) []byte {
	for i := range p.fields {
		if f := &p.fields[i]; f.Key == name {
			return p.data[f.Start:f.End]
		}
	}
	return nil
}

// Fields are the fields of the request by their names.
func (p *Payload) Fields() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for i := range p.fields {
			if f := &p.fields[i]; !yield(f.Key, p.data[f.Start:f.End]) {
				return
			}
		}
	}
}

// Refused is why the payload cannot be sent, nil where it can: options that
// were set in Go may hold an [CallOptions.ExtraBody] that no request can carry.
func (p *Payload) Refused() error { return p.refused }

// Lacking is what of extra the request does not have yet: an aggregator's
// defaults stand behind what a call says itself.
func (p *Payload) Lacking(extra Extra) Extra {
	if len(extra) == 0 {
		return nil
	}
	lacking := maps.Clone(extra)
	for _, f := range p.fields {
		delete(lacking, f.Key)
	}
	return lacking
}
