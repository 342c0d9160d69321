package llm

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
)

// This file is what requests and responses that are no chats have in common as
// JSON.

// parseOther hands the fields of a request that are among known to read. The
// others are for the server and come as extra, which refers to data; those that
// look like slips are refused. "model" is read here. body is for the server,
// too.
func parseOther(data []byte, body Extra, model *string, known []string, read func(name string, v []byte) error) (extra Extra, err error) {
	fields, err := jsontext.FieldsOf(data)
	if err != nil {
		return nil, Errorf(InvalidArgument, "the request is not valid JSON: %v; expected an object with \"%s\"", err, strings.Join(known, "\", \""))
	}
	if err := shown.Twice(fields); err != nil {
		return nil, Errorf(InvalidArgument, "the request %v", err)
	}
	extra = Extra{}
	for _, f := range fields.List {
		v := data[f.Start:f.End:f.End]
		switch {
		case v[0] == 'n': // null: as if it were not there
		case f.Key == "model":
			if *model, err = readText(f.Key, v); err == nil {
				err = CheckName("the request's model", *model)
			}
		case slices.Contains(known, f.Key):
			err = read(f.Key, v)
		default:
			extra[f.Key] = v
			err = checkOther(f.Key, known)
		}
		if err != nil {
			return nil, err
		}
	}
	maps.Copy(extra, body)
	maps.DeleteFunc(extra, func(_ string, v json.RawMessage) bool { return string(v) == "null" }) // as in chats
	return extra, nil
}

// checkOther judges a field that is none of known, as [checkForeign] does.
func checkOther(name string, known []string) error {
	if err := checkPlace(name); err != nil || name == "user" || name == "metadata" {
		return err
	}
	what, few := "unknown request field "+shown.Name(name), suggest.Slips(name)
	if requestFieldOf(name) != nil {
		return forChats("request field \""+name+"\"", known)
	}
	if best := suggest.Nearest(name, slices.Concat(known, []string{"model"}, callOptionNames), few); best != "" {
		return Errorf(InvalidArgument, "%s; did you mean %q? (server-specific fields go into \"extra_body\")", what, best)
	}
	if best := suggest.Nearest(name, requestFieldNames, few); best != "" && best != "messages" { // as a server may call a text
		return forChats(what+" is near to \""+best+"\", which", known)
	}
	return checkFailover(name)
}

func forChats(what string, known []string) error {
	return Errorf(InvalidArgument, "%s is for chats; a request such as this has \"%s\" (server-specific fields go into \"extra_body\")", what, strings.Join(known, "\", \""))
}

func readText(name string, v []byte) (s string, err error) {
	if v[0] != '"' || JSON.Unmarshal(v, &s) != nil {
		return "", Errorf(InvalidArgument, "request field %q is %s; expected a string", name, shown.Value(v))
	}
	return s, nil
}

// readTexts reads one text or a list of them.
func readTexts(name string, v []byte) (texts []string, err error) {
	if v[0] == '"' {
		text, err := readText(name, v)
		return []string{text}, err
	}
	r := newReader(v)
	if v[0] != '[' {
		return nil, Errorf(InvalidArgument, "request field %q is %s; expected a string or an array of strings", name, shown.Value(v))
	}
	for more := r.Array(); more; more = r.NextItem() {
		if r.Next() != '"' {
			from := r.Pos
			r.Skip()
			return nil, Errorf(InvalidArgument, "%s[%d] is %s; expected a string", name, len(texts), shown.Value(v[from:r.Pos]))
		}
		texts = append(texts, r.Text())
	}
	return texts, r.End()
}

// writeOther writes what every response has.
func writeOther(o *jsontext.Object, model string, usage *Usage, cost *Cost, call uint64, attempts []Attempt) {
	o.Str("model", model)
	if usage != nil {
		usage.write(o.Field("usage"))
	} else {
		o.Field("usage").Null()
	}
	if cost != nil {
		cost.write(o.Field("cost"))
	}
	writeCallID(o, call)
	writeAttempts(o.Field("attempts"), attempts)
}

// checkTexts refuses what is no list of texts that a model could read.
func checkTexts(name string, texts []string) error {
	if len(texts) == 0 {
		return Errorf(InvalidArgument, "%q has no text; expected one or more", name)
	}
	if i := slices.IndexFunc(texts, func(s string) bool { return !utf8.ValidString(s) }); i >= 0 {
		return Errorf(InvalidArgument, "%s is not valid UTF-8", name+"["+strconv.Itoa(i)+"]")
	}
	return nil
}
