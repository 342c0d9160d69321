package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
)

// Options configure how configurations are read.
type Options struct {
	// Getenv resolves ${NAME}; nil means that no variable is set. The core does
	// not read the environment itself.
	Getenv func(name string) (value string, ok bool)
	// Environment lists variables as os.Environ does, at least those that begin
	// with LLMAG, so that those which are nearly the library's own are warned
	// about; nil: nobody looks.
	Environment func() []string
	// Lenient is for old-style configurations: unknown keys that are not
	// similar to a known key are warnings instead of errors.
	Lenient bool
	// BlankIsUnset makes "" count as not set, like null.
	BlankIsUnset bool
	// Warn receives the warnings; by default they go to slog.Default().
	Warn func(message string)
}

func (o *Options) warn(message string) {
	if o.Warn != nil {
		o.Warn(message)
		return
	}
	slog.Default().Warn(message)
}

// LeftOut is a model of a configuration that cannot be used.
type LeftOut struct {
	Provider string `json:"provider"`
	Name     string `json:"name"`
	Reason   string `json:"reason"` // a sentence that names the model
}

const expected = `expected {provider: {"models": {name: {"api_key", "base_url", …}}}}`

// Parse reads {provider: {"models": {name: {…}}}} from JSON text. Keys
// at the provider's level other than "models" are defaults for its models. The
// order of the text is kept. Errors are INVALID_ARGUMENT, say where, and
// Suggest the nearest known key for an unknown one.
//
// A model that refers to an environment variable that is not set is skipped
// with a warning, if other models can be used. The first provider's LeftOut
// lists such models. The keys "fleet" and "bulk" beside the providers are each
// provider's Fleet and Bulk, unless they are providers with "models".
func Parse(data []byte, o Options) ([]Provider, error) {
	o.TellMisspelt()
	data = withoutMark(data)
	fields, err := objectFields(data)
	if err != nil {
		return nil, llm.Errorf(llm.InvalidArgument, "the configuration %v; %s%s", err, expected, cmp.Or(notation(data), pathHint(data)))
	}
	if err := o.unlike("provider", fields); err != nil {
		return nil, err
	}
	providers := make([]Provider, 0, len(fields))
	var left []LeftOut
	var all Provider // what all of them have
	for _, f := range fields {
		v := data[f.Start:f.End]
		if isBeside(f.Key, v) {
			if err := all.setBeside(f.Key, v, &o); err != nil {
				return nil, err
			}
			continue
		}
		p, err := parseProvider(f.Key, v, &o)
		if err != nil {
			return nil, err
		}
		left = append(left, p.LeftOut...)
		if p.LeftOut = nil; len(p.Models) > 0 {
			providers = append(providers, p)
		}
	}
	if (all.Fleet != nil || all.Bulk != nil) && len(providers) == 0 && len(left) == 0 {
		return nil, llm.Errorf(llm.InvalidArgument, "the configuration has %s and no provider beside it; %s", shown.Name(fields[0].Key), expected)
	}
	for i := range providers {
		providers[i].Fleet, providers[i].Bulk = all.Fleet, all.Bulk
	}
	if len(left) == 0 {
		return providers, nil
	}
	if len(providers) == 0 {
		return nil, NoneUsable(left)
	}
	for _, l := range left {
		o.warn(l.Reason + "; the model is left out")
	}
	providers[0].LeftOut = left
	return providers, nil
}

// ParseProvider reads one provider's object: {"type"?, defaults…, "models":
// {…}}.
func ParseProvider(name string, data []byte, o Options) (Provider, error) {
	p, err := parseProvider(name, data, &o)
	if err == nil && len(p.Models) == 0 {
		err = NoneUsable(p.LeftOut)
	}
	if err == nil {
		for _, l := range p.LeftOut {
			o.warn(l.Reason + "; the model is left out")
		}
	}
	return p, err
}

// NoneUsable is the error where no model is left, nil without reasons: it lists
// all reasons, so that the first run says what to set.
func NoneUsable(left []LeftOut) error {
	switch len(left) {
	case 0:
		return nil
	case 1:
		return llm.Errorf(llm.InvalidArgument, "%s", left[0].Reason)
	}
	text := "no model can be used:"
	for i, l := range left {
		text += fmt.Sprintf("\n  %d. %s", i+1, l.Reason)
	}
	return llm.Errorf(llm.InvalidArgument, "%s", text)
}

func parseProvider(name string, data []byte, o *Options) (Provider, error) {
	p := Provider{Name: name}
	if name == "" || strings.Contains(name, "/") {
		return p, llm.Errorf(llm.InvalidArgument, "the provider name %s is not valid; expected a name without a slash%s", shown.Name(name), apart(name))
	}
	at := &place{what: "provider " + shown.Name(name), o: o, unset: map[string]string{}}
	if len(data) > 0 && data[0] != '{' {
		return p, llm.Errorf(llm.InvalidArgument, "%s must be an object with \"models\", got %s%s", at.what, kindOfValue(data), outside(name))
	}
	fields, err := objectFields(data)
	if err != nil {
		return p, llm.Errorf(llm.InvalidArgument, "%s %v", at.what, err)
	}
	defaults := Model{Provider: name}
	var models []byte
	for _, f := range fields {
		v := data[f.Start:f.End]
		switch f.Key {
		case "models":
			models = v
		case "name":
		default:
			if v[0] == '{' && !o.Lenient && isModel(f.Key) {
				return p, at.fail("unknown key %s%s", shown.Name(f.Key), stray(name, f.Key, v))
			}
			if err := defaults.set(at, f.Key, v, providerKeys); err != nil {
				return p, err
			}
		}
	}
	p.Type = defaults.Type
	if models == nil || models[0] == 'n' {
		return p, llm.Errorf(llm.InvalidArgument, "%s has no \"models\"; expected {name: {…}}, as \"models\": {\"gpt-4o-mini\": {}}%s", at.what, outside(name))
	}
	entries, err := objectFields(models)
	switch {
	case models[0] != '{':
		return p, llm.Errorf(llm.InvalidArgument, "\"models\" of %s must be an object {name: {…}}, got %s; write {\"gpt-4o-mini\": {}}", at.what, kindOfValue(models))
	case err != nil:
		return p, llm.Errorf(llm.InvalidArgument, "\"models\" of %s %v", at.what, err)
	case len(entries) == 0:
		return p, llm.Errorf(llm.InvalidArgument, "\"models\" of %s is empty; expected {name: {…}}", at.what)
	}
	if err := o.unlike("model", entries); err != nil {
		return p, at.wrap(err)
	}
	for _, f := range entries {
		if err := p.add(at, defaults, f.Key, models[f.Start:f.End]); err != nil {
			return p, err
		}
	}
	return p, nil
}

// add reads a model and adds it to the provider, or to what is left out.
func (p *Provider) add(provider *place, m Model, name string, data []byte) error {
	m.Name = name
	at := provider.model("model " + shown.Name(m.Provider+"/"+name))
	if name == "" {
		return llm.Errorf(llm.InvalidArgument, "%s has a model with an empty name", provider.what)
	}
	if data[0] != '{' {
		return llm.Errorf(llm.InvalidArgument, "%s must be an object, got %s; expected its settings, or {} where it needs none", at.what, kindOfValue(data))
	}
	fields, err := objectFields(data)
	if err != nil {
		return llm.Errorf(llm.InvalidArgument, "%s %v", at.what, err)
	}
	for _, f := range fields {
		if f.Key == "models" || name == "models" && data[f.Start] == '{' && isModel(f.Key) {
			return llm.Errorf(llm.InvalidArgument, "the models of %s hold another \"models\" (in %s); expected the models alone: {name: {\"api_key\", \"base_url\", …}}", provider.what, shown.Name(name))
		}
		if err := m.set(at, f.Key, data[f.Start:f.End], modelKeys); err != nil {
			return err
		}
	}
	if len(at.unset) > 0 {
		why := at.unset[slices.Min(slices.Collect(maps.Keys(at.unset)))]
		p.LeftOut = append(p.LeftOut, LeftOut{m.Provider, name, at.what + ": " + why})
		return nil
	}
	if err := m.Check(); err != nil {
		return err
	}
	p.Models = append(p.Models, m)
	return nil
}

// set reads one key of a model's (or a provider's) object; known are the keys
// that it may have.
func (c *Model) set(at *place, key string, v []byte, known []string) error {
	at = at.at(key)
	if slices.Contains(known, key) && at.leftOut(v) {
		return nil
	}
	if groupKeys[key] != nil {
		return c.setGroup(at, v)
	}
	if s := settingOf[key]; s != nil && s.Group == "" {
		return s.set(c, at, v)
	}
	return at.unknown(fmt.Sprintf("unknown key %s", shown.Name(key)), key, known)
}

// setGroup reads the object of a group, as "retry".
func (c *Model) setGroup(at *place, v []byte) error {
	group := at.key
	fields, err := objectFields(v)
	if v[0] != '{' {
		return at.fail("%q is %s; expected an object of %s%s", group, shown.Value(v), strings.Join(groupKeys[group], ", "), countOf(group, v))
	}
	if err != nil {
		return at.fail("%q %v", group, err)
	}
	for _, f := range fields {
		value, key := v[f.Start:f.End], group+"."+f.Key
		s := settingOf[key]
		switch {
		case s != nil && at.leftOut(value):
		case s != nil:
			err = s.set(c, at.inside(key), value)
		default:
			err = at.unknown(fmt.Sprintf("unknown key %s in %q", shown.Name(f.Key), group), f.Key, groupKeys[group])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// at is the place of a key: a value that comes for it replaces what could not
// be read before.
func (at *place) at(key string) *place {
	delete(at.unset, key)
	at.key = key
	return at
}

func (at *place) leftOut(v []byte) bool {
	return v[0] == 'n' || at.o.BlankIsUnset && string(v) == `""`
}

// objectFields is [jsontext.FieldsOf] for configurations, where a key that
// comes twice is an error: one of the two values would be ignored. The error is
// a predicate, such as `has the key "x" twice`.
func objectFields(data []byte) ([]jsontext.Field, error) {
	fields, err := jsontext.FieldsOf(data)
	if err == nil {
		return fields.List, shown.Twice(fields)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errors.New("is empty")
	}
	r := jsontext.Reader{Data: data, Most: jsontext.MaxDepth}
	if r.Next() == '{' || r.Pos == len(data) || !utf8.Valid(data) {
		return nil, fmt.Errorf("is not valid JSON: %w%s", err, jsontext.Line(err, data))
	}
	from := r.Span()
	if r.Err == nil {
		return nil, fmt.Errorf("must be a JSON object, got %s", kindOfValue(data[from:]))
	}
	r.Pos = from
	err = r.Fail("is not valid JSON")
	return nil, fmt.Errorf("%w%s", err, jsontext.Line(err, data))
}

// unlike refuses two names that differ in case only: one of them is a slip. In
// an old configuration that is a warning.
func (o *Options) unlike(what string, fields []jsontext.Field) error {
	seen := make(map[string]string, len(fields))
	for _, f := range fields {
		lower := strings.ToLower(f.Key)
		if other, ok := seen[lower]; ok {
			message := fmt.Sprintf("two %ss are named %s and %s; names must differ in more than case", what, shown.Name(other), shown.Name(f.Key))
			if !o.Lenient {
				return llm.Errorf(llm.InvalidArgument, "%s", message)
			}
			o.warn(message)
		}
		seen[lower] = f.Key
	}
	return nil
}
