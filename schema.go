package llmagg

import (
	"cmp"
	"encoding"
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"time"

	"github.com/llmagg/llmagg/core/llm"
)

// schemas makes the JSON schema of a Go type: what encoding/json reads into it.
// A field's tag `description:"…"` is told to the model, `enum:"a,b"` lists the
// texts that it may have. Fields with omitempty or omitzero may be missing.
type schemas struct {
	open    map[reflect.Type]bool // structs that are being described
	inside  map[reflect.Type]bool // embedded ones whose fields are being read
	again   map[reflect.Type]bool // those that contain themselves
	defs    map[string]any
	lenient bool // something does not fit what vendors call strict
}

var (
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
)

// schemaOf describes t. strict tells that every object has all of its
// properties and no others, as vendors' strict mode wants it.
func schemaOf(t reflect.Type) (schema map[string]any, strict bool, err error) {
	s := schemas{open: map[reflect.Type]bool{}, inside: map[reflect.Type]bool{}, again: map[reflect.Type]bool{}, defs: map[string]any{}}
	if schema, err = s.of(t); err != nil {
		return nil, false, err
	}
	if ref, ok := schema["$ref"].(string); ok {
		root, _ := s.defs[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
		schema = map[string]any{}
		maps.Copy(schema, root)
	}
	if len(s.defs) > 0 {
		schema["$defs"] = s.defs
	}
	return schema, !s.lenient, nil
}

func (s *schemas) of(t reflect.Type) (map[string]any, error) {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}, nil
	case t.Kind() == reflect.Pointer:
		inner, err := s.of(t.Elem())
		return map[string]any{"anyOf": []any{inner, map[string]any{"type": "null"}}}, err
	case t == reflect.TypeFor[[]byte]():
		return map[string]any{"type": "string", "description": "base64"}, nil
	case reflect.PointerTo(t).Implements(jsonUnmarshaler): // json.RawMessage, too
		s.lenient = true
		return map[string]any{}, nil
	case reflect.PointerTo(t).Implements(textUnmarshaler):
		return map[string]any{"type": "string"}, nil
	}
	switch t.Kind() {
	case reflect.String:
		return map[string]any{"type": "string"}, nil
	case reflect.Bool:
		return map[string]any{"type": "boolean"}, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return map[string]any{"type": "integer"}, nil
	case reflect.Float32, reflect.Float64:
		return map[string]any{"type": "number"}, nil
	case reflect.Slice, reflect.Array:
		items, err := s.of(t.Elem())
		return map[string]any{"type": "array", "items": items}, err
	case reflect.Map:
		s.lenient = true
		values, err := s.of(t.Elem())
		return map[string]any{"type": "object", "additionalProperties": values}, err
	case reflect.Interface:
		s.lenient = true
		return map[string]any{}, nil
	case reflect.Struct:
		return s.object(t)
	}
	return nil, llm.Errorf(llm.InvalidArgument, "the type %v has no JSON schema; expected what encoding/json reads", t)
}

func (s *schemas) object(t reflect.Type) (map[string]any, error) {
	ref := map[string]any{"$ref": "#/$defs/" + t.Name()}
	if s.open[t] {
		s.again[t] = true
		return ref, nil
	}
	s.open[t] = true
	defer delete(s.open, t)
	properties, required := map[string]any{}, []string{}
	if err := s.fields(t, properties, &required); err != nil {
		return nil, err
	}
	if len(required) < len(properties) {
		s.lenient = true
	}
	object := map[string]any{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
	if s.again[t] {
		s.defs[t.Name()] = object
		return ref, nil
	}
	return object, nil
}

func (s *schemas) fields(t reflect.Type, properties map[string]any, required *[]string) error {
	for f := range fieldsOf(t) {
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" && rest == "" || !f.IsExported() && !f.Anonymous {
			continue
		}
		if inner := f.Type; f.Anonymous && name == "" {
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct {
				if s.inside[inner] {
					continue // it embeds itself, which adds no fields
				}
				s.inside[inner] = true
				err := s.fields(inner, properties, required)
				delete(s.inside, inner)
				if err != nil {
					return err
				}
				continue
			}
		}
		name = cmp.Or(name, f.Name)
		schema, err := s.of(f.Type)
		if err != nil {
			return err
		}
		if strings.Contains(","+rest+",", ",string,") {
			schema = map[string]any{"type": "string"}
		}
		if words := f.Tag.Get("enum"); words != "" {
			limit(schema, strings.Split(words, ","))
		}
		if text := f.Tag.Get("description"); text != "" {
			if schema["$ref"] != nil { // beside it nothing may stand in a strict schema
				schema = map[string]any{"anyOf": []any{schema}}
			}
			schema["description"] = text
		}
		properties[name] = schema
		if !strings.Contains(","+rest+",", ",omitempty,") && !strings.Contains(","+rest+",", ",omitzero,") {
			*required = append(*required, name)
		}
	}
	return nil
}

// limit lists the values that a schema's texts or numbers may have, those of a
// list or behind a pointer.
func limit(schema map[string]any, words []string) {
	if items, ok := schema["items"].(map[string]any); ok {
		limit(items, words)
		return
	}
	if either, ok := schema["anyOf"].([]any); ok {
		if inner, ok := either[0].(map[string]any); ok {
			limit(inner, words)
			return
		}
	}
	values := make([]any, len(words))
	for i, w := range words {
		values[i] = w
		if n := strings.TrimSpace(w); schema["type"] != "string" && json.Valid([]byte(n)) { // a number, true or false
			values[i] = json.RawMessage(n)
		}
	}
	schema["enum"] = values
}

func fieldsOf(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}
