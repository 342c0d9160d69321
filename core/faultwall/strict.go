package faultwall

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/llm"
)

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
