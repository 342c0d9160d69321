package contract

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Text is a text that is no JSON, or too long to write down: a string, or
// {"b64"}, or {"repeat": {"before", "unit", "times", "after_unit", "after"}}:
// before, the unit so many times, after_unit as often, after.
type Text struct {
	bytes []byte
}

// UnmarshalJSON reads the forms named above.
func (t *Text) UnmarshalJSON(raw []byte) error {
	if raw[0] == '"' {
		var s string
		err := json.Unmarshal(raw, &s)
		t.bytes = []byte(s)
		return err
	}
	var form struct {
		B64    string `json:"b64"`
		Repeat *struct {
			Before    string `json:"before"`
			Unit      string `json:"unit"`
			Times     int    `json:"times"`
			AfterUnit string `json:"after_unit"`
			After     string `json:"after"`
		} `json:"repeat"`
	}
	if err := strict(raw, &form); err != nil {
		return err
	}
	if r := form.Repeat; r != nil {
		t.bytes = []byte(r.Before + strings.Repeat(r.Unit, r.Times) + strings.Repeat(r.AfterUnit, r.Times) + r.After)
		return nil
	}
	if form.B64 == "" {
		return errors.New(`expected a string, {"b64"} or {"repeat"}`)
	}
	var err error
	t.bytes, err = base64.StdEncoding.DecodeString(form.B64)
	return err
}

// places are the values of {{placeholders}}.
type places map[string]string

// fill replaces each {{name}} that is known; others ({{date+1}}) are the
// wall's.
func (p places) fill(text []byte) []byte {
	if !bytes.Contains(text, []byte("{{")) {
		return text
	}
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(p)) {
		pairs = append(pairs, "{{"+name+"}}", p[name])
	}
	return []byte(strings.NewReplacer(pairs...).Replace(string(text)))
}

// Key is the API key of every route that names none; no outcome may show it.
const Key = "sk-contract-Zx81-secret"

// config is what the custom route's provider is made with.
func (r *CustomRoute) config(c *Case) []byte {
	model := map[string]json.RawMessage{"timeout": json.RawMessage("3"), "retry": json.RawMessage(`{"backoff_s":0.02}`)}
	maps.Copy(model, c.Defaults)
	maps.Copy(model, r.Config)
	provider, name, _ := strings.Cut(r.Route, "/")
	return mustJSON(map[string]any{provider: map[string]any{"models": map[string]any{name: model}}})
}

// config is what a session is opened with: Config, or what Routes say.
func (c *Case) config() []byte {
	if c.Config != nil {
		return c.Config
	}
	defaults := map[string]json.RawMessage{
		"api_key": json.RawMessage(`"{{key}}"`), "base_url": json.RawMessage(`"{{base_url}}"`), "timeout": json.RawMessage("3"),
		"retry": json.RawMessage(`{"backoff_s":0.02}`),
	}
	maps.Copy(defaults, c.Defaults)
	model, err := json.Marshal(defaults)
	if err != nil {
		panic(err) // texts that were read as JSON
	}
	// Written by hand: the order of providers and models is the order of trial.
	var providers []string
	models := map[string][]string{}
	for _, route := range c.Routes {
		provider, name, _ := strings.Cut(route, "/")
		if models[provider] == nil {
			providers = append(providers, provider)
		}
		models[provider] = append(models[provider], strconv.Quote(name)+":"+string(model))
	}
	for i, provider := range providers {
		providers[i] = strconv.Quote(provider) + `:{"models":{` + strings.Join(models[provider], ",") + "}}"
	}
	return []byte("{" + strings.Join(providers, ",") + "}")
}

// request is the JSON of the step's n-th call.
func (s *Step) request(p places, n int) []byte {
	switch {
	case s.RequestText != nil:
		return s.RequestText.bytes
	case s.Request != nil || s.Texts > 0:
		p = maps.Clone(p)
		p["n"] = itoa(n)
		return s.withTexts(p.fill(s.Request))
	case s.Call == "embed":
		return []byte(`{"input":["one","two"]}`)
	}
	return []byte(`{"messages":[{"role":"user","content":"hi"}]}`)
}

// withTexts is the request with as many texts as the step says.
func (s *Step) withTexts(request []byte) []byte {
	if s.Texts == 0 {
		return request
	}
	texts := make([]string, s.Texts)
	for i := range texts {
		texts[i] = "text " + itoa(i+1)
	}
	return withOption(request, "input", texts)
}

func itoa(n int) string { return strconv.Itoa(n) }
