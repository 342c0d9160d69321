package client

import (
	"net/url"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// preset is what is known about a vendor: where it is, which wire format it
// speaks, and its quirks.
type preset struct {
	name        string
	baseURL     string
	root        string // path of the API, for a base_url that has none; "" where that works as well
	format      wire.New
	streamUsage bool // is asked for usage by stream_options.include_usage
	hosts       []string

	// Of a vendor whose format is not OpenAI's:
	own         string // the format's name in messages
	openaiPath  string // where it speaks OpenAI's format, too
	sdkVariable string // in which its own SDK takes its base URL, without root, where its program names none
}

// cutOpenAI tells whether path is where a vendor with a format of its own
// speaks OpenAI's, and gives the root of its own.
func (p *preset) cutOpenAI(path string) (root string, found bool) {
	end, _ := strings.CutPrefix(p.openaiPath, p.root)
	root, found = strings.CutSuffix(path, end)
	return root, end != "" && found && strings.Contains(path, "/v1")
}

// presets, in the order in which they are listed in messages.
var presets = []preset{
	// OpenAI API reference, "Create chat completion": stream_options.
	{name: "openai", baseURL: "https://api.openai.com/v1", root: "/v1", format: newOpenAI, streamUsage: true, hosts: []string{"api.openai.com"}},
	// DeepSeek API docs, "Create Chat Completion": stream_options.
	{name: "deepseek", baseURL: "https://api.deepseek.com/v1", format: newOpenAI, streamUsage: true, hosts: []string{"api.deepseek.com"}},
	// Gemini API reference, "Generating content".
	{name: "gemini", baseURL: "https://generativelanguage.googleapis.com/v1beta", root: "/v1beta", format: newGemini, hosts: []string{"generativelanguage.googleapis.com"},
		own: "Gemini", openaiPath: "/v1beta/openai", sdkVariable: "GOOGLE_GEMINI_BASE_URL"},
}

// compatible is the preset of an OpenAI-compatible endpoint that nobody knows. Most
// servers understand the question for usage, and without it many send none; one that
// refuses it is asked no more (pared.go).
var compatible = preset{name: "openai-compatible", format: newOpenAI, streamUsage: true}

// KnownTypes lists the names of the presets.
func KnownTypes() []string {
	names := make([]string, 0, len(presets))
	for _, p := range presets {
		names = append(names, p.name)
	}
	return names
}

func findPreset(name string) (preset, bool) {
	i := slices.IndexFunc(presets, func(p preset) bool { return p.name == strings.ToLower(name) })
	if i < 0 {
		return preset{}, false
	}
	return presets[i], true
}

// Vendor is the preset whose own origin base is, "" for any other origin.
func Vendor(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	for _, p := range presets {
		if slices.Contains(p.hosts, strings.ToLower(u.Hostname())) {
			return p.name
		}
	}
	return ""
}

// VendorURL is the base URL of a vendor's own, whatever the environment says; "" for a name
// that is no vendor's.
func VendorURL(name string) string {
	p, _ := findPreset(name)
	return p.baseURL
}

// resolve picks the preset (by type, else by the provider's name), fills in
// its base URL and checks the configuration.
func resolve(cfg llm.ModelConfig, getenv func(string) (string, bool)) (llm.ModelConfig, preset, error) {
	cfg = cfg.WithDefaults()
	where := cfg.Provider + "/" + cfg.Name
	if cfg.Provider == "" || cfg.Name == "" {
		return cfg, preset{}, llm.Errorf(llm.InvalidArgument, "a model needs a provider and a name (got %q)", where)
	}
	p, known := findPreset(cfg.Provider)
	switch {
	case cfg.Type == compatible.name:
		p, known = compatible, cfg.BaseURL != ""
	case cfg.Type != "":
		if p, known = findPreset(cfg.Type); !known {
			return cfg, p, llm.Errorf(llm.InvalidArgument, "%s: unknown type %s; expected %s or %s", where, llm.ShownText(cfg.Type), strings.Join(KnownTypes(), ", "), compatible.name)
		}
	case !known && cfg.BaseURL != "":
		p, known = compatible, true
	}
	if !known {
		return cfg, p, llm.Errorf(llm.InvalidArgument, "provider %q has no base_url; only %s have a default, any other provider needs the base_url of an OpenAI-compatible API%s",
			cfg.Provider, strings.Join(KnownTypes(), ", "), llm.Suggest(cfg.Provider, KnownTypes()))
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = p.defaultBaseURL(getenv)
	}
	base, p, err := readBaseURL(where, cfg.BaseURL, p, cfg.Type != "" && cfg.Type != cfg.Provider)
	if err != nil {
		return cfg, p, err
	}
	cfg.BaseURL = base
	if vendor := Vendor(cfg.BaseURL); cfg.APIKey == "" && vendor != "" {
		return cfg, p, llm.Errorf(llm.InvalidArgument, "%s: %s needs an api_key", where, vendor)
	}
	return cfg, p, cfg.Check()
}
