// Package vendor is the table of vendors: the name, address, format and quirks
// of each (a [Vendor]). [Resolve] finds the row of a configured model by its
// type, its provider's name or its base URL, which baseurl.go checks and
// completes.
package vendor

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
	"github.com/llmagg/llmagg/core/wire/anthropic"
	"github.com/llmagg/llmagg/core/wire/gemini"
	"github.com/llmagg/llmagg/core/wire/ollama"
	"github.com/llmagg/llmagg/core/wire/openai"
)

// Vendor is one row of the table: the vendor's address, wire format and quirks.
type Vendor struct {
	name        string
	baseURL     string
	root        string // path of the API, for a base_url that has none; "" where that works as well
	format      wire.New
	streamUsage bool     // is asked for usage by stream_options.include_usage
	hosts       []string // patterns of path.Match

	// Of a vendor whose format is not OpenAI's:
	own         string // the format's name in messages
	openaiPath  string // where it speaks OpenAI's format, too; "" for nowhere
	elsewhere   string // in the path of other vendors' endpoints that speak the format
	sdkVariable string // in which its own SDK takes its base URL, without root, where its program names none
}

// cutOpenAI tells whether path is where a vendor with a format of its own
// speaks OpenAI's, and gives the root of its own.
func (v *Vendor) cutOpenAI(path string) (root string, found bool) {
	end, _ := strings.CutPrefix(v.openaiPath, v.root)
	root, found = strings.CutSuffix(path, end)
	return root, end != "" && found && strings.Contains(path, "/v1")
}

// sharesRoot tells whether the vendor speaks OpenAI's format at the same base
// URL as its own.
func (v *Vendor) sharesRoot() bool { return v.openaiPath != "" && v.openaiPath == v.root }

// vendors, in the order in which they are listed in messages.
var vendors = []Vendor{
	// OpenAI API reference, "Create chat completion": stream_options.
	{name: "openai", baseURL: "https://api.openai.com/v1", root: "/v1", format: openai.New, streamUsage: true, hosts: []string{"api.openai.com"}},
	// DeepSeek API docs, "Create Chat Completion": stream_options.
	{name: "deepseek", baseURL: "https://api.deepseek.com/v1", format: openai.New, streamUsage: true, hosts: []string{"api.deepseek.com"}},
	// Azure OpenAI reference, "Data plane inference"; its addresses: azure.go.
	{name: azureName, format: openai.NewAzure, streamUsage: true, hosts: azureHosts, sdkVariable: "AZURE_OPENAI_ENDPOINT"},
	// Anthropic API reference, "Messages".
	{name: "anthropic", baseURL: "https://api.anthropic.com/v1", root: "/v1", format: anthropic.New, hosts: []string{"api.anthropic.com"},
		own: "Anthropic", openaiPath: "/v1", elsewhere: "/anthropic", sdkVariable: "ANTHROPIC_BASE_URL"},
	// Gemini API reference, "Generating content".
	{name: "gemini", baseURL: "https://generativelanguage.googleapis.com/v1beta", root: "/v1beta", format: gemini.New, hosts: []string{"generativelanguage.googleapis.com"},
		own: "Gemini", openaiPath: "/v1beta/openai", sdkVariable: "GOOGLE_GEMINI_BASE_URL"},
	// Ollama API documentation, "Generate a chat completion".
	{name: ollamaName, baseURL: "http://localhost:11434", format: ollama.New, hosts: []string{"ollama.com"},
		own: "Ollama", openaiPath: "/v1", sdkVariable: "OLLAMA_HOST"},
}

// compatible is the row of an OpenAI-compatible endpoint that nobody knows.
// Most servers understand the question for usage, and without it many send
// none; one that refuses it is asked no more (core/exchange/pared.go).
var compatible = Vendor{name: "openai-compatible", format: openai.New, streamUsage: true}

// Format makes the vendor's wire format at a base URL, with a key.
func (v *Vendor) Format(baseURL, key string) wire.Format {
	own, _ := At(baseURL)
	return v.format(wire.Options{At: wire.RootOf(baseURL), Key: key, Owner: own.name, StreamUsage: v.streamUsage})
}

// Names lists the vendors.
func Names() []string {
	names := make([]string, 0, len(vendors))
	for _, v := range vendors {
		names = append(names, v.name)
	}
	return names
}

// withAddress lists the vendors that need no base_url.
func withAddress() []string {
	return slices.DeleteFunc(Names(), func(name string) bool { return URL(name) == "" })
}

func find(name string) (Vendor, bool) {
	i := slices.IndexFunc(vendors, func(v Vendor) bool { return v.name == strings.ToLower(name) })
	if i < 0 {
		return Vendor{}, false
	}
	return vendors[i], true
}

func (v *Vendor) owns(host string) bool {
	return slices.ContainsFunc(v.hosts, func(pattern string) bool {
		matched, _ := path.Match(pattern, host)
		return matched
	})
}

// At returns the vendor that owns the origin of base; false for any other
// origin.
func At(base string) (Vendor, bool) {
	u, err := url.Parse(base)
	if err != nil {
		return Vendor{}, false
	}
	for _, v := range vendors {
		if v.owns(strings.ToLower(u.Hostname())) {
			return v, true
		}
	}
	return Vendor{}, false
}

// URL is a vendor's own base URL, whatever the environment says; "" for an
// unknown name.
func URL(name string) string {
	v, _ := find(name)
	return v.baseURL
}

// Model is what a configuration says of where a model is. Type names the vendor
// or the format; without it, Provider does.
type Model struct {
	Provider, Name, Type, BaseURL, APIKey string

	APIVersion, Deployment string // Azure's
	OwnAuth                bool   // its headers hold a key
}

// Resolve finds the vendor of a model and where the model is: the base URL as
// configured, or the vendor's own. Errors are INVALID_ARGUMENT.
func Resolve(m Model, getenv func(string) (string, bool)) (v Vendor, baseURL string, err error) {
	where := m.Provider + "/" + m.Name
	if m.Provider == "" || m.Name == "" {
		return v, "", llm.Errorf(llm.InvalidArgument, "a model needs a provider and a name (got %q)", where)
	}
	v, known := find(m.Provider)
	switch {
	case m.Type == responsesName:
		if v, baseURL, err = resolveResponses(where, &m, getenv); err != nil {
			return v, "", err
		}
		return v, baseURL, needsKey(&m, baseURL)
	case m.Type == compatible.name:
		v, known = compatible, m.BaseURL != ""
	case m.Type != "":
		if v, known = find(m.Type); !known {
			return v, "", llm.Errorf(llm.InvalidArgument, "%s: unknown type %s; expected %s, %s or %s", where, shown.Text(m.Type), strings.Join(Names(), ", "), responsesName, compatible.name)
		}
	case !known && m.BaseURL != "":
		v, known = compatible, true
	}
	if !known {
		return v, "", llm.Errorf(llm.InvalidArgument, "provider %q has no base_url; only %s have a default; for any other provider set the base_url of an OpenAI-compatible API%s",
			m.Provider, strings.Join(withAddress(), ", "), suggest.For(m.Provider, Names()))
	}
	if m.BaseURL == "" {
		m.BaseURL = v.defaultBaseURL(getenv)
	}
	if isAzure(&v, &m) {
		v, _ = find(azureName)
		baseURL, err = azureURL(where, &m, getenv)
		return v, baseURL, err
	}
	if v.name == azureName { // a server that only has the name
		v = compatible
	}
	if err := onlyAzure(where, &m); err != nil {
		return v, "", err
	}
	baseURL, v, err = readBaseURL(where, m.BaseURL, v, m.Type != "" && m.Type != m.Provider)
	if err != nil {
		return v, "", err
	}
	if err := needsKey(&m, baseURL); err != nil {
		return v, "", err
	}
	return v, baseURL, nil
}

// needsKey is the error of a model without a key at an origin that wants one.
func needsKey(m *Model, baseURL string) error {
	if own, known := At(baseURL); known && m.APIKey == "" && !(m.OwnAuth && own.name == azureName) {
		return llm.Errorf(llm.InvalidArgument, "model %s/%s has no api_key; %s needs one", m.Provider, m.Name, own.name)
	}
	return nil
}
