package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
)

// parse reads a configuration of one model "p/m" with the given keys.
func parse(keys string, o Options) (Model, error) {
	configs, err := Parse([]byte(`{"p":{"models":{"m":{`+keys+`}}}}`), o)
	if err != nil {
		return Model{}, err
	}
	return configs[0].Models[0], nil
}

func TestConfigRefusesBadValuesAndSaysWhereAndWhat(t *testing.T) {
	const where = `model "p/m": `
	for name, c := range map[string]struct{ keys, says string }{
		"unknown key":          {`"api_kye":"k"`, where + `unknown key "api_kye"; did you mean "api_key"?`},
		"unknown key far off":  {`"zzzzzzzz":1`, where + `unknown key "zzzzzzzz"`},
		"unknown key null":     {`"tiemout":null`, where + `unknown key "tiemout"; did you mean "timeout"?`},
		"models in a model":    {`"models":{}`, `the models of provider "p" hold another "models"`},
		"unknown group key":    {`"breaker":{"open":1}`, where + `unknown key "open" in "breaker"; did you mean "open_s"?`},
		"negative timeout":     {`"timeout":-1`, where + `"timeout" is -1; expected seconds, a number greater than 0`},
		"zero timeout":         {`"timeout":0`, where + `"timeout" is 0; expected seconds`},
		"timeout text":         {`"timeout":"30"`, where + `"timeout" is "30"; expected seconds`},
		"endless timeout":      {`"timeout":1e300`, where + `"timeout" is 1e300; expected seconds, a number greater than 0 and at most 315360000`},
		"zero concurrency":     {`"max_concurrent_calls":0`, where + `"max_concurrent_calls" is 0; expected an integer, at least 1`},
		"negative concurrency": {`"max_concurrent_calls":-3`, `at least 1`},
		"half a call":          {`"max_concurrent_calls":1.5`, where + `"max_concurrent_calls" is 1.5; expected an integer`},
		"negative retries":     {`"max_retries":-1`, where + `"max_retries" is -1; expected an integer, at least 0`},
		"ratio":                {`"breaker":{"ratio":-0.5}`, where + `"breaker.ratio" is -0.5; expected a number greater than 0 and at most 1`},
		"group no object":      {`"retry":3`, where + `"retry" is 3; expected an object`},
		"limit":                {`"limits":{"event_bytes":0}`, where + `"limits.event_bytes" is 0; expected an integer, at least 1`},
		"model for models":     {`"model":{"a":{}}`, where + `"model" must be a string, got an object; did you mean "models"?`},
		"key no text":          {`"api_key":123456`, where + `"api_key" must be a string`},
		"line end in key":      {`"api_key":"sk\nx"`, `api_key has the control character 0x0a at byte 2`},
		"header name":          {`"headers":{"a b":"c"}`, `header name "a" goes on with the character ' ' at byte 1`},
		"unset variable":       {`"api_key":"${NOT_SET}"`, where + `"api_key" refers to the environment variable NOT_SET, which is not set`},
		"nameless variable":    {`"api_key":"${}"`, where + `"api_key" holds "${}"`},
		"open variable":        {`"api_key":"${OPENAI_API_KEY"`, where + `"api_key" holds "${" without "}"`},
		"variable in a header": {`"headers":{"x":"${NOT_SET}"}`, where + `"headers.x" refers to the environment variable NOT_SET`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(c.keys, Options{})
			require.Equal(t, llm.InvalidArgument, llm.CodeOfError(err), "%v", err)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestConfigRefusesBadShapes(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"empty":            {``, "the configuration is empty; expected {provider"},
		"cut short":        {`{"p":{"models":{"m":{"timeout":3`, "unexpected end of the JSON text"},
		"trailing":         {`{}}`, "unexpected text after the object at byte 2"},
		"its NUL, too":     {"{}\x00", "at byte 2"},
		"wide characters":  {"{\x00\"\x00", "expected a field name in quotes (a NUL: the length is that of the text without the NUL at its end"},
		"array":            {`[]`, "must be a JSON object, got an array"},
		"single quotes":    {`{'p':{}}`, "expected a field name in quotes (JSON's quotes are double ones) at byte 1"},
		"invalid UTF-8":    {"{\"p\xff\":{}}", "invalid UTF-8 at byte 3"},
		"deep":             {`{"p":` + strings.Repeat(`{"a":`, 1000) + `1` + strings.Repeat(`}`, 1000) + `}`, "nested deeper than 512 levels"},
		"another form":     {`{"api_key":"k","model":"m"}`, `the names of providers come first: {"openai": {"models": {"gpt-4o-mini"`},
		"a list of models": {`{"model_list":[{"model_name":"g"}]}`, `the names of providers come first`},
		"model outside":    {`{"openai":{"gpt-4o":{"api_key":"k"}}}`, `unknown key "gpt-4o"; a model stands in "models": {"openai": {"models": {"gpt-4o": {…}}}}`},
		"models in models": {`{"openai":{"models":{"models":{"gpt":{"api_key":"k"}}}}}`, `hold another "models" (in "models"); expected the models alone`},
		"provider inside":  {`{"openai":{"models":{"openai":{"models":{"gpt":{}}}}}}`, `hold another "models" (in "openai")`},
		"no models":        {`{"p":{}}`, `provider "p" has no "models"`},
		"models no object": {`{"p":{"models":["m"]}}`, `"models" of provider "p" must be an object {name: {…}}, got an array`},
		"provider number":  {`{"p":3}`, `provider "p" must be an object with "models", got a number`},
		"model text":       {`{"p":{"models":{"m":"x"}}}`, `model "p/m" must be an object, got a string`},
		"model no name":    {`{"p":{"models":{"":{}}}}`, `provider "p" has a model with an empty name`},
		"slash":            {`{"a/b":{"models":{"m":{}}}}`, `provider name "a/b" is not valid; expected a name without a slash`},
		"provider's key":   {`{"p":{"modles":{"m":{}}}}`, `provider "p": unknown key "modles"; did you mean "models"?`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(c.text), Options{})
			require.Equal(t, llm.InvalidArgument, llm.CodeOfError(err), "%v", err)
			require.ErrorContains(t, err, c.says)
		})
	}
}

// A value that may be a key is not repeated by an error about it.
func TestConfigErrorsDoNotRepeatKeys(t *testing.T) {
	for _, keys := range []string{
		`"api_key":{"value":"sk-secret"}`,
		`"api_key":"sk-secret\u0000"`,
		`"headers":{"Authorization":"sk-secret","n":5}`,
		`"headers":"sk-secret"`,
		`"headers":{"Authorization":"sk-secret\n"}`,
	} {
		_, err := parse(keys, Options{})
		require.Equal(t, llm.InvalidArgument, llm.CodeOfError(err), keys)
		require.NotContains(t, err.Error(), "sk-secret", keys)
	}
	_, err := llm.ParseCallOptions([]byte(`{"headers":{"Authorization":"sk-secret","n":5}}`))
	require.Equal(t, llm.InvalidArgument, llm.CodeOfError(err))
	require.NotContains(t, err.Error(), "sk-secret")
}

func TestConfigAsksTheEnvironmentWhenItIsRead(t *testing.T) {
	environment := map[string]string{"KEY": "first", "HOST": "example.org"}
	o := Options{Getenv: func(name string) (string, bool) { v, ok := environment[name]; return v, ok }}
	const keys = `"api_key":"${KEY}","base_url":"https://${HOST}/v1","headers":{"x-both":"${KEY} at ${HOST}"}`
	m, err := parse(keys, o)
	require.NoError(t, err)
	require.Equal(t, "first", m.APIKey)
	require.Equal(t, "https://example.org/v1", m.BaseURL)
	require.Equal(t, map[string]string{"x-both": "first at example.org"}, m.Headers)
	environment["KEY"] = "second${HOST}"
	m, err = parse(keys, o)
	require.NoError(t, err)
	require.Equal(t, "second${HOST}", m.APIKey, "a change is seen; a value is not expanded again")
}

func TestConfigKeepsTheOrderOfItsText(t *testing.T) {
	configs, err := Parse([]byte(`{"z":{"models":{"m9":{},"m1":{},"m5":{}}},"a":{"models":{"x":{}}},"k":{"models":{"x":{}}}}`), Options{})
	require.NoError(t, err)
	var names []string
	for _, p := range configs {
		for _, m := range p.Models {
			names = append(names, m.Provider+"/"+m.Name)
		}
	}
	require.Equal(t, []string{"z/m9", "z/m1", "z/m5", "a/x", "k/x"}, names)
}

func TestConfigOfTheProviderIsTheDefaultOfItsModels(t *testing.T) {
	configs, err := Parse([]byte(`{"p":{"models":{"a":{"timeout":2.5,"headers":{"y":"2"}},"b":{}},"timeout":7,"type":"gemini","headers":{"x":"1","y":"1"},"breaker":{"failures":2}}}`), Options{})
	require.NoError(t, err)
	a, ok := configs[0].Model("a")
	require.True(t, ok)
	b, ok := configs[0].Model("b")
	require.True(t, ok)
	require.Equal(t, 2500*time.Millisecond, a.Timeout)
	require.Equal(t, 7*time.Second, b.Timeout)
	require.Equal(t, map[string]string{"x": "1", "y": "2"}, a.Headers)
	require.Equal(t, map[string]string{"x": "1", "y": "1"}, b.Headers)
	require.Equal(t, 2, b.Breaker.Failures)
	require.Equal(t, "gemini", b.Type)
	_, ok = configs[0].Model("c")
	require.False(t, ok)
}

func TestLenientConfigWarnsAndGoesOn(t *testing.T) {
	var warnings []string
	o := Options{Lenient: true, Warn: func(message string) { warnings = append(warnings, message) }}
	o.BlankIsUnset = true
	m, err := parse(`"colour":"sk-secret","api_key":"","base_url":null,"breaker":{"colour":1,"open_s":2},"timeout":9`, o)
	require.NoError(t, err)
	require.Equal(t, 9*time.Second, m.Timeout)
	require.Equal(t, 2*time.Second, m.Breaker.Open)
	require.Empty(t, m.APIKey)
	require.Equal(t, []string{
		`model "p/m": unknown key "colour"; it is ignored`,
		`model "p/m": unknown key "colour" in "breaker"; it is ignored`,
	}, warnings)
	_, err = parse(`"api_kye":"sk-secret"`, o)
	require.ErrorContains(t, err, `model "p/m": unknown key "api_kye"; did you mean "api_key"?`)
	require.NotContains(t, err.Error(), "sk-secret")
	_, err = parse(`"timeout":-1`, o)
	require.Equal(t, llm.InvalidArgument, llm.CodeOfError(err), "a bad value is one in either form")
}

func TestConfigFromTextAndFromAFile(t *testing.T) {
	configs, err := Parse([]byte(`{"p":{"models":{"m":{"timeout":1.5,"max_retries":0}}}}`), Options{})
	require.NoError(t, err)
	require.Equal(t, 1500*time.Millisecond, configs[0].Models[0].Timeout)
	require.Equal(t, 1, configs[0].Models[0].MaxRetries, "R1: 0 means one attempt")

	file := filepath.Join(t.TempDir(), "llm.json")
	_, err = Load(file, Options{})
	require.Equal(t, llm.InvalidArgument, llm.CodeOfError(err))
	require.ErrorContains(t, err, "llm.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"p":{"models":{"m":{}}}}`), 0o600))
	configs, err = Load(file, Options{})
	require.NoError(t, err)
	require.Len(t, configs, 1)
}

func TestAFileOfKeysThatOthersMayReadIsWarnedAbout(t *testing.T) {
	for name, c := range map[string]struct {
		mode  os.FileMode
		model string
		warns bool
	}{
		"the owner's":         {0o600, `"api_key":"sk-1"`, false},
		"a secret's header":   {0o644, `"headers":{"X-Client-Secret":"s"}`, true},
		"a monkey":            {0o644, `"headers":{"X-Monkey":"s","x-portkey-provider":"openai"}`, false},
		"the owner's to read": {0o400, `"api_key":"sk-1"`, false},
		"the group reads":     {0o640, `"api_key":"sk-1"`, true},
		"all read":            {0o604, `"api_key":"sk-1"`, true},
		"the group writes":    {0o620, `"api_key":"sk-1"`, true},
		"the environment's":   {0o644, `"api_key":"${KEY}","headers":{"X-Token":"Bearer ${KEY}"}`, false},
		"none":                {0o644, `"timeout":3,"api_key":""`, false},
		"a header":            {0o644, `"headers":{"X-Auth-Token":"t"}`, true},
		"a plain header":      {0o644, `"headers":{"X-Team":"red"}`, false},
		"a proxy's password":  {0o644, `"proxy":"http://u:p@h:1"`, true},
		"a proxy":             {0o644, `"proxy":"http://h:1"`, false},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "llm.json")
			require.NoError(t, os.WriteFile(file, []byte(`{"p":{"models":{"m":{`+c.model+`}}}}`), 0o600))
			require.NoError(t, os.Chmod(file, c.mode))
			var warnings []string
			_, err := Load(file, Options{Getenv: func(string) (string, bool) { return "sk-environment", true },
				Warn: func(message string) { warnings = append(warnings, message) }})
			require.NoError(t, err)
			if !c.warns {
				require.Empty(t, warnings)
				return
			}
			require.Len(t, warnings, 1)
			require.Contains(t, warnings[0], file)
			require.Contains(t, warnings[0], "chmod 600")
			require.NotContains(t, warnings[0], "sk-")
		})
	}
}

func TestConfigDoesNotPrintItsKey(t *testing.T) {
	require.NotContains(t, Model{BaseURL: "https://h.example/v1?code=Q7xSECRET"}.String(), "SECRET")
	m := Model{Provider: "p", Name: "m", Model: "up", BaseURL: "https://h", APIKey: "sk-secret"}
	for _, text := range []string{m.String(), m.GoString(), m.LogValue().String()} {
		require.NotContains(t, text, "sk-secret")
		require.Contains(t, text, "p/m")
	}
}

// A configuration made in Go is held to the same bounds.
func TestConfigCheck(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  Model
		says string
	}{
		"timeout":     {Model{Timeout: -1}, "p/m: timeout is -1ns; expected more than 0 seconds"},
		"wait":        {Model{Retry: Retry{Wait: -1}}, "retry.wait_s"},
		"backoff max": {Model{Retry: Retry{BackoffMax: -1}}, "retry.backoff_max_s"},
		"failures":    {Model{Breaker: Breaker{Failures: -1}}, "breaker.failures is -1"},
		"requests":    {Model{Breaker: Breaker{MinRequests: -1}}, "breaker.min_requests is -1"},
		"ratio":       {Model{Breaker: Breaker{Ratio: -0.5}}, "breaker.ratio is -0.5"},
		"limit":       {Model{Limits: Limits{EventBytes: -5}}, "limits.event_bytes is -5"},
		"concurrency": {Model{MaxConcurrentCalls: -1}, "max_concurrent_calls is -1"},
		"key":         {Model{APIKey: "a\x00"}, "api_key has the control character 0x00 at byte 1"},
		"header":      {Model{Headers: map[string]string{"": "x"}}, "a header has an empty name"},
	} {
		t.Run(name, func(t *testing.T) {
			c.cfg.Provider, c.cfg.Name = "p", "m"
			err := c.cfg.Check()
			require.Equal(t, llm.InvalidArgument, llm.CodeOfError(err), "%v", err)
			require.ErrorContains(t, err, c.says)
		})
	}
	require.NoError(t, Model{Provider: "p", Name: "m"}.WithDefaults().Check())
}

func TestConfigurationAsJSONHoldsNoSecrets(t *testing.T) {
	text, err := json.Marshal(Model{Name: "m", APIKey: "sk-secret", Headers: map[string]string{"x": "sk-secret"}, Proxy: "http://u:sk-secret@p"})
	require.NoError(t, err)
	require.NotContains(t, string(text), "sk-secret")
	require.Contains(t, string(text), `"m"`)
}

// A path where the text of a configuration is expected is told as that.
func TestAPathIsNoConfiguration(t *testing.T) {
	for text, told := range map[string]bool{"/etc/llm/config.json": true, "config.json": true, `C:\\llm\\config`: true, "sk-12345": false, `{"a"`: false, "": false} {
		_, err := Parse([]byte(text), Options{})
		if text == "" {
			continue
		}
		require.Error(t, err)
		require.Equal(t, told, strings.Contains(err.Error(), "path of a file"), "%s: %v", text, err)
	}
}

// A text of another notation is told how it becomes JSON, and each text in
// which line it is wrong.
func TestOtherNotations(t *testing.T) {
	for text, told := range map[string]string{
		"# mine\n[openai.models.gpt]\napi_key = \"k\"\n": `at byte 0 in line 1; expected {provider: `,
		"\n[openai.models.\"gpt-5.1\"]\napi_key = \"k\"": `<FILE.toml >FILE.json`,
		"[[openai]]\n":                       `tomllib.load(sys.stdin.buffer)`,
		"openai:\n  models:\n    gpt: {}\n":  `at byte 0 in line 1; expected {provider: `,
		"---\n# mine\nopenai-1: {models: 1}": `; it seems to be YAML, which becomes JSON by`,
		"{\n  \"a\": {},\n  # no\n}":         `expected a field name in quotes (JSON has no comments) at byte 15 in line 3; expected {provider: `,
		`{"a": {},}`:                         `(remove the comma before it) at byte 9; expected {provider: `,
	} {
		_, err := Parse([]byte(text), Options{})
		require.ErrorContains(t, err, told, text)
	}
	for _, text := range []string{"[1]", `["a"]`, "http://h:1", "OPENAI_API_KEY=k", "hello", "[", "# only"} {
		_, err := Parse([]byte(text), Options{})
		require.Error(t, err)
		require.NotContains(t, err.Error(), "it seems to be", text)
	}
}

// An option of a call that is a key of a group belongs in the configuration.
func TestAKeyOfAGroupIsNoOption(t *testing.T) {
	for _, s := range AllSettings().Configuration {
		if s.Group == "" {
			continue
		}
		_, err := llm.ParseCallOptions([]byte(`{"` + s.Group + `.` + s.Name + `": 1}`))
		require.ErrorContains(t, err, "belongs in the configuration of a model", "%s.%s", s.Group, s.Name)
	}
}

// Editors write a byte order mark before a text; what follows it counts, for
// the keys in it, too.
func TestConfigMayBeginWithAByteOrderMark(t *testing.T) {
	const text = "\ufeff" + `{"p":{"models":{"m":{"api_key":"sk-secret","base_url":"http://h"}}}}`
	configs, err := Parse([]byte(text), Options{})
	require.NoError(t, err)
	require.Equal(t, "p", configs[0].Name)
	require.True(t, HoldsSecret([]byte(text)))
	file := filepath.Join(t.TempDir(), "llmagg.json")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	configs, err = Load(file, Options{})
	require.NoError(t, err)
	require.Equal(t, "sk-secret", configs[0].Models[0].APIKey)
}
