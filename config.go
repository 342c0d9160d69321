package llmagg

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/fleet"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/provider"
	"github.com/llmagg/llmagg/core/vendor"
)

// Config says which models an [Aggregator] asks: [Models], [JSON], a [File], a
// [Map], or the [Environment]. ${NAME} in a value of a configuration is a
// variable of the environment; docs/reference/configuration.md lists all keys.
type Config interface {
	// read returns the configured providers, and the models to be asked in
	// order; no models mean all that are configured.
	read(o config.Options) (providers []config.Provider, models []string, err error)
}

// Models are models as "vendor/model", asked in this order, with keys from the
// environment (docs/vendors.md): Models{"openai/gpt-4o-mini", "groq/…"}.
type Models []string

// JSON is a configuration as text:
// {"openai": {"models": {"gpt-4o-mini": {"api_key": "${KEY}"}}}}.
type JSON string

// File is the path of a file with a configuration as [JSON].
type File string

// Map is a configuration as a value. Its providers are asked in the order of
// their names, unless [WithModels] gives an order.
type Map map[string]any

// Environment finds the configuration as the Python package does: the file that
// LLMAGG_CONFIG names; the models that LLMAGG_MODELS names ("openai/gpt-4o,
// groq/…"), with keys from the environment; or one model of each vendor in
// [DefaultModels] whose key is set.
type Environment struct{}

// DefaultModels are the models that [Environment] asks where it has a vendor's
// key and no names of models; OPENAI_MODEL and its like name others. Vendors
// switch models off: in November 2026 only gpt-4o-mini had an end, in January
// 2027 (litellm's table).
var DefaultModels = Models{"openai/gpt-4o-mini", "anthropic/claude-sonnet-5", "gemini/gemini-flash-latest", "deepseek/deepseek-flash", "qwen/qwen-plus",
	"moonshot/kimi-k2.6", "zhipu/glm-4.7-flash", "groq/openai/gpt-oss-120b", "mistral/mistral-small-latest", "openrouter/openrouter/auto"}

func (m Models) read(config.Options) ([]config.Provider, []string, error) {
	if len(m) == 0 {
		return nil, nil, llm.Errorf(llm.InvalidArgument, `llmagg.Models is empty; expected names as "openai/gpt-4o-mini"`)
	}
	return nil, slices.Clone(m), nil
}

func (j JSON) read(o config.Options) ([]config.Provider, []string, error) {
	providers, err := config.Parse([]byte(j), o)
	return providers, nil, err
}

func (f File) read(o config.Options) ([]config.Provider, []string, error) {
	providers, err := config.Load(string(f), o)
	return providers, nil, err
}

// fileOf is the file that a configuration is read from, "" for none.
func fileOf(c Config, getenv func(string) (string, bool)) string {
	switch c := c.(type) {
	case File:
		return string(c)
	case Environment:
		return fileNamed(getenv)
	}
	return ""
}

// fileNamed is the file that LLMAGG_CONFIG names, "" for none. "~/" is the home
// folder there: no shell reads what a service manager or a .env file sets.
func fileNamed(getenv func(string) (string, bool)) string {
	file, _ := getenv("LLMAGG_CONFIG")
	if home, _ := getenv("HOME"); home != "" && strings.HasPrefix(file, "~/") {
		return home + file[1:]
	}
	return file
}

// withFile names the file in an error of Initialize that comes from the file's
// providers or their fleet, and leaves any other error alone. To know which, it
// makes the providers again, one by one.
func withFile(err error, file string, configured []config.Provider, o client.Options) error {
	if file == "" || len(configured) == 0 {
		return err
	}
	wrong := fleet.Check(configured[0].Fleet)
	for _, c := range configured {
		if wrong != nil {
			break
		}
		var p *provider.Provider
		if p, wrong = provider.New(c, o); wrong == nil {
			wrong = p.Initialize(context.Background())
			p.Retire()
		}
	}
	if wrong == nil || wrong.Error() != err.Error() {
		return err
	}
	return config.InFile(file, err)
}

func (m Map) read(o config.Options) ([]config.Provider, []string, error) {
	text, err := json.Marshal(m)
	if err != nil {
		return nil, nil, llm.Errorf(llm.InvalidArgument, "the configuration cannot be written as JSON: %v", err)
	}
	return JSON(text).read(o)
}

func (Environment) read(o config.Options) (providers []config.Provider, models []string, err error) {
	o.TellMisspelt()
	value := func(name string) string { v, _ := o.Getenv(name); return v }
	if file := fileNamed(o.Getenv); file != "" {
		if providers, _, err = File(file).read(o); err != nil {
			return nil, nil, err
		}
	}
	if models, err = config.Listed(value("LLMAGG_MODELS")); err != nil {
		return nil, nil, err
	}
	if len(providers)+len(models) > 0 {
		return providers, models, nil
	}
	return fromKeys(o, value)
}

// fromKeys configures one model of each vendor whose key is set.
func fromKeys(o config.Options, value func(string) string) (_ []config.Provider, models []string, err error) {
	keys := map[string][]string{}
	for _, row := range vendor.Rows() {
		keys[row.Name] = row.Keys
	}
	found, vendors := Map{}, []string{}
	for _, model := range DefaultModels {
		name, own, _ := strings.Cut(model, "/")
		vendors = append(vendors, name)
		i := slices.IndexFunc(keys[name], func(key string) bool { return value(key) != "" })
		if i < 0 {
			continue
		}
		own = cmp.Or(value(strings.ToUpper(name)+"_MODEL"), own)
		cfg := Map{"api_key": value(keys[name][i])}
		if at := value(strings.ToUpper(name) + "_BASE_URL"); at != "" && name != "anthropic" { // the core knows Anthropic's
			cfg["base_url"] = at
		}
		found[name] = Map{"models": Map{own: cfg}}
		models = append(models, name+"/"+own)
	}
	if len(models) == 0 {
		instead := ""
		for _, near := range vendor.NearKeys(o.Getenv) {
			instead += "; nothing reads the environment variable " + near.Name + ": did you mean " + near.Near + "?"
		}
		return nil, nil, llm.Errorf(llm.NotInitialized, "no configuration was found: set LLMAGG_CONFIG (a file), LLMAGG_MODELS (as openai/gpt-4o-mini), or the key of one of %s%s",
			strings.Join(vendors, ", "), instead)
	}
	providers, _, err := found.read(o)
	return providers, models, err
}

// readOptions are how a configuration is read.
func (s *settings) readOptions() config.Options {
	o := config.Options{Getenv: s.getenv, Environment: s.environment}
	if s.logger != nil {
		o.Warn = func(message string) { s.logger.Warn(message) }
	}
	return o
}
