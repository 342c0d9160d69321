package faultwall

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/llm"
)

// check holds a script against its rules; ParseScript and Start both call it.
func (s *Script) check() error {
	for _, name := range slices.Sorted(maps.Keys(s.Models)) {
		plan := s.Models[name]
		if err := plan.check("models." + name); err != nil {
			return err
		}
	}
	if err := cmp.Or(s.Default.check("default"), s.Health.check("health")); err != nil {
		return err
	}
	fates := []string{"", AcceptOK, AcceptReset, AcceptClose, AcceptSilence, AcceptGarbage}
	for _, fate := range append([]string{s.Accept.All}, s.Accept.Each...) {
		if err := oneOf("accept", fate, fates...); err != nil {
			return err
		}
	}
	return cmp.Or(s.Batches.check(), s.Options.check("options"))
}

func (p *Plan) check(path string) error {
	if p == nil {
		return nil
	}
	if err := cmp.Or(oneOf(path+".after", p.After, "", AfterRepeatLast, AfterLoop, AfterOK), p.Quota.check(path+".quota")); err != nil {
		return err
	}
	for i := range p.Steps {
		if err := p.Steps[i].check(fmt.Sprintf("%s.steps[%d]", path, i)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Step) check(path string) error {
	if err := cmp.Or(s.checkNumbers(path), s.checkKind(path), s.checkRaw(path),
		oneOf(path+".usage_chunk", s.UsageChunk, "", UsageOwn, UsageFinish, UsageEmptyDelta, UsageNone),
		oneOf(path+".newline", s.Newline, "", "lf", "crlf", "cr"),
		oneOf(path+".framing", s.Framing, "", framingLength, framingChunked, framingClose),
		s.Cut.check(path+".cut")); err != nil {
		return err
	}
	if s.Status != 0 && (s.Status < 200 || s.Status > 999) {
		return fmt.Errorf("faultwall: %s.status must be from 200 to 999, not %d (others: use raw)", path, s.Status)
	}
	if s.Chunks > 0 && s.ChunkChars > 0 {
		return fmt.Errorf("faultwall: %s: chunks and chunk_chars exclude each other", path)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Headers)) {
		if strings.ContainsAny(name, ":\r\n ") || name == "" {
			return fmt.Errorf("faultwall: %s.headers: %q is no header name", path, name)
		}
	}
	for i := range s.Events {
		e := &s.Events[i]
		if err := positive(fmt.Sprintf("%s.events[%d].delay_s", path, i), e.DelayS); err != nil {
			return err
		}
	}
	return nil
}

func (s *Step) checkNumbers(path string) error {
	for key, value := range map[string]float64{
		"times": float64(s.Times), "header_bytes": float64(s.HeaderBytes), "repeat_bytes": float64(s.RepeatBytes),
		"text_bytes": float64(s.TextBytes), "choices": float64(s.Choices), "chunks": float64(s.Chunks),
		"chunk_chars": float64(s.ChunkChars), "split_bytes": float64(s.SplitBytes), "flush_every": float64(s.FlushEvery),
		"delay_headers_s": s.DelayHeadersS, "delay_body_s": s.DelayBodyS, "delay_event_s": s.DelayEventS,
		"drip_headers_s": s.DripHeadersS, "drip_body_s": s.DripBodyS, "comment_every_s": s.CommentEveryS,
		"close_idle_s": s.CloseIdleS,
	} {
		if err := positive(path+"."+key, value); err != nil {
			return err
		}
	}
	return nil
}

// checkKind: an answer has one origin.
func (s *Step) checkKind(path string) error {
	var given []string
	for _, kind := range []struct {
		key string
		set bool
	}{
		{"body", s.Body != nil}, {"body_b64", s.BodyB64 != nil}, {"raw", s.Raw != ""}, {"raw_b64", s.RawB64 != nil},
		{"events", s.Events != nil}, {"repeat_bytes", s.RepeatBytes != 0}, {"forever", s.Forever}, {"redirect", s.Redirect != ""},
	} {
		if kind.set {
			given = append(given, kind.key)
		}
	}
	if len(given) > 1 {
		return fmt.Errorf("faultwall: %s: %s exclude each other", path, strings.Join(given, " and "))
	}
	return nil
}

// checkRaw: raw bytes can be cut only where and how it makes sense without
// HTTP.
func (s *Step) checkRaw(path string) error {
	if s.Cut == nil || s.Raw == "" && s.RawB64 == nil {
		return nil
	}
	if s.Cut.AfterEvents != nil || s.Cut.At == AfterHeaders || s.Cut.How == CutClean || s.Cut.How == CutMidChunk {
		return fmt.Errorf("faultwall: %s.cut: raw goes with close, reset or silence, at before_headers, after_bytes or (no place) after all bytes", path)
	}
	return nil
}

func (c *Cut) check(path string) error {
	if c == nil {
		return nil
	}
	if err := cmp.Or(oneOf(path+".how", c.How, CutClean, CutClose, CutMidChunk, CutReset, CutSilence, CutRefuse, CutGoAway),
		oneOf(path+".at", c.At, "", BeforeHeaders, AfterHeaders)); err != nil {
		return err
	}
	places := 0
	for _, given := range []bool{c.At != "", c.AfterEvents != nil, c.AfterBytes != nil} {
		if given {
			places++
		}
	}
	switch {
	case places > 1:
		return fmt.Errorf("faultwall: %s: at, after_events and after_bytes exclude each other", path)
	case c.AfterEvents != nil && *c.AfterEvents < 0, c.AfterBytes != nil && *c.AfterBytes < 0:
		return fmt.Errorf("faultwall: %s: a place must not be negative", path)
	case c.At == BeforeHeaders && (c.How == CutClean || c.How == CutMidChunk):
		return fmt.Errorf("faultwall: %s: before_headers goes with close, reset, silence, refuse or go_away", path)
	}
	return nil
}

func positive(path string, value float64) error {
	if value < 0 || math.IsNaN(value) || math.IsInf(value, 0) {
		return fmt.Errorf("faultwall: %s must not be negative", path)
	}
	return nil
}

func oneOf(path, value string, known ...string) error {
	if slices.Contains(known, value) {
		return nil
	}
	known = slices.DeleteFunc(slices.Clone(known), func(s string) bool { return s == "" })
	return fmt.Errorf("faultwall: %s must be one of %s, not %q", path, strings.Join(known, ", "), value)
}

// checkJSON holds text against the type that it will be decoded into: every
// object key must be known, every value must have the right type. Its errors
// say where in the document they are.
func checkJSON(text json.RawMessage, t reflect.Type, path string) error {
	text = bytes.TrimSpace(text)
	if len(text) == 0 { // a null, read as a field's json.RawMessage
		text = json.RawMessage("null")
	}
	for t.Kind() == reflect.Pointer {
		if string(text) == "null" {
			return nil
		}
		t = t.Elem()
	}
	value := reflect.New(t).Interface()
	own, isOwn := value.(json.Unmarshaler)
	switch {
	case isOwn && t != reflect.TypeFor[Step]():
		return at(path, own.UnmarshalJSON(text))
	case t.Kind() == reflect.Struct:
		return checkObject(text, path, keysOf(t), nil)
	case t.Kind() == reflect.Map:
		return checkObject(text, path, nil, t.Elem())
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
		var items []json.RawMessage
		if llm.JSON.Unmarshal(text, &items) != nil {
			return at(path, mistake(text, "a list"))
		}
		for i, item := range items {
			if err := checkJSON(item, t.Elem(), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
		return nil
	}
	if llm.JSON.Unmarshal(text, value) != nil {
		return at(path, mistake(text, describe(t)))
	}
	return nil
}

// checkObject checks an object whose keys are those of known, or any key with
// values of type each.
func checkObject(text json.RawMessage, path string, known map[string]reflect.Type, each reflect.Type) error {
	var fields map[string]json.RawMessage
	if llm.JSON.Unmarshal(text, &fields) != nil {
		return at(path, mistake(text, "an object"))
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		t := each
		if known != nil {
			found := false
			if t, found = known[name]; !found {
				names := slices.Sorted(maps.Keys(known))
				hint := suggest.For(name, names)
				if hint == "" && len(names) < 10 {
					hint = "; expected " + strings.Join(names, ", ")
				}
				return at(path, fmt.Errorf("unknown key %q%s", name, hint))
			}
		}
		inner := name
		if path != "" {
			inner = path + "." + name
		}
		if err := checkJSON(fields[name], t, inner); err != nil {
			return err
		}
	}
	return nil
}

// mistake says what stands in the place of the value that is wanted.
func mistake(text []byte, want string) error {
	return fmt.Errorf("must be %s, not %s", want, shown.Value(text))
}

func describe(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.String:
		return "a string"
	case reflect.Slice:
		return "a string of base64"
	}
	return "of another type"
}

func at(path string, err error) error {
	if err == nil || path == "" {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// keysOf returns the JSON keys of a struct type and their types.
func keysOf(t reflect.Type) map[string]reflect.Type {
	keys := make(map[string]reflect.Type, t.NumField())
	for _, field := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name != "" && name != "-" {
			keys[name] = field.Type
		}
	}
	return keys
}
