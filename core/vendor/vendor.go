// Package vendor is the table of vendors: the name, address, format and quirks
// of each (a [Vendor]). [Resolve] finds the row of a configured model by its
// type, its provider's name or its base URL, which baseurl.go checks and
// completes.
package vendor

import (
	"strings"

	"github.com/llmagg/llmagg/core/credential"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/internal/wordlist"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
	"github.com/llmagg/llmagg/core/wire/anthropic"
	"github.com/llmagg/llmagg/core/wire/bedrock"
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
	hosts       []string // patterns of path.Match; by default those of its addresses

	aliases    wordlist.List // further names
	keys       string        // environment variables in which its key is looked for, the usual one first
	site       string        // the name of the place that baseURL is; "" where there is one place only
	sites      []Site        // the others
	messages   string        // base URL where it speaks Anthropic's format; "" for nowhere
	noUsage    bool          // refuses the question for usage in streams; of a row without a format of its own
	tellsCost  bool          // says in its answers what they cost, or may
	local      bool          // a server on one's own machine, which needs no key
	concurrent int           // calls at once that it takes; 0 for the default
	embedTexts int           // texts in one request for vectors; 0 for the format's own number
	others     string        // whose ways requests follow that are no chats: see wire.Options

	quirks *wire.Quirks // of its chat completions; nil for none

	// Of a vendor whose format is not OpenAI's:
	own         string // the format's name in messages
	openaiPath  string // where it speaks OpenAI's format, too; "" for nowhere
	elsewhere   string // in the path of other vendors' endpoints that speak the format
	sdkVariable string // in which its own SDK takes its base URL, without root, where its program names none
	sdkWhole    bool   // sdkVariable holds the root, too

	// Of a cloud, see cloud.go:
	auth       string // the type of its credentials; "" for fixed keys alone
	service    string // as AWS's signatures name it
	openaiName string // the row of its OpenAI-shaped endpoint

	// Of a row that Resolve gave:
	key             string // of the environment
	fromEnvironment bool   // the environment says where the vendor is
	addressFrom     string // the variable that says so for this model, or ""
	region          string
}

// Site is one of the places of a vendor that has accounts of its own in each.
type Site struct {
	Name, BaseURL string
	Messages      string // base URL where it speaks Anthropic's format; "" for nowhere
	Keys          string // environment variables of its key; those of the row by default
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
	{name: "openai", baseURL: "https://api.openai.com/v1", root: "/v1", format: openai.New, streamUsage: true, keys: "OPENAI_API_KEY", hosts: []string{"api.openai.com"},
		sdkVariable: "OPENAI_BASE_URL", sdkWhole: true},
	// DeepSeek API docs, "Create Chat Completion": stream_options, max_tokens;
	// "Thinking Mode"; "JSON Output".
	{name: "deepseek", quirks: &wire.Quirks{Lacks: []string{"seed", "logit_bias"}, Shape: wire.Choices, OnlyMaxTokens: true,
		Effort: wire.EffortSwitched, Schema: wire.ByJSONMode, EveryThought: `""`},
		baseURL: "https://api.deepseek.com/v1", format: openai.New, streamUsage: true, keys: "DEEPSEEK_API_KEY",
		messages: "https://api.deepseek.com/anthropic", hosts: []string{"api.deepseek.com"}, sdkVariable: "DEEPSEEK_BASE_URL", sdkWhole: true},
	// Azure OpenAI reference, "Data plane inference"; its addresses: azure.go.
	{name: azureName, format: openai.NewAzure, streamUsage: true, hosts: azureHosts, keys: "AZURE_OPENAI_API_KEY", sdkVariable: "AZURE_OPENAI_ENDPOINT"},
	// Anthropic API reference, "Messages".
	{name: "anthropic", baseURL: "https://api.anthropic.com/v1", root: "/v1", format: anthropic.New, keys: "ANTHROPIC_API_KEY", hosts: []string{"api.anthropic.com"},
		own: "Anthropic", openaiPath: "/v1", elsewhere: "/anthropic", sdkVariable: "ANTHROPIC_BASE_URL"},
	// Gemini API reference, "Generating content".
	{name: "gemini", baseURL: "https://generativelanguage.googleapis.com/v1beta", root: "/v1beta", format: gemini.New, keys: "GEMINI_API_KEY GOOGLE_API_KEY", hosts: []string{"generativelanguage.googleapis.com"},
		own: "Gemini", openaiPath: "/v1beta/openai", sdkVariable: "GOOGLE_GEMINI_BASE_URL"},
	// Ollama API documentation, "Generate a chat completion".
	{name: ollamaName, baseURL: "http://localhost:11434", format: ollama.New, keys: "OLLAMA_API_KEY", local: true, hosts: []string{"ollama.com"},
		own: "Ollama", openaiPath: "/v1", sdkVariable: "OLLAMA_HOST"},
	// Amazon Bedrock API reference, "Converse"; user guide, "Invoke model with the
	// OpenAI Chat Completions API".
	{name: "bedrock", baseURL: "https://bedrock-runtime.{region}.{aws}", format: bedrock.New, hosts: []string{"bedrock-runtime.*.amazonaws.com", "bedrock-runtime.*.amazonaws.com.cn"},
		own: "Bedrock", openaiPath: "/openai/v1", sdkVariable: "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", auth: credential.AWS, service: "bedrock", keys: "AWS_BEARER_TOKEN_BEDROCK", openaiName: "bedrock-openai"},
	{name: "bedrock-openai", baseURL: "https://bedrock-runtime.{region}.{aws}/openai/v1", format: openai.New, streamUsage: true, hosts: []string{"bedrock-mantle.*.api.aws"},
		auth: credential.AWS, service: "bedrock", keys: "AWS_BEARER_TOKEN_BEDROCK"},
	// Vertex AI reference, "Generate content with the Gemini API"; Anthropic API
	// docs, "Claude on Vertex AI"; their addresses: vertex.go.
	{name: vertexName, aliases: "vertex_ai vertexai", baseURL: vertexBase, root: "/v1", format: gemini.NewVertex, hosts: vertexHosts,
		own: "Gemini", openaiPath: vertexOpenAI, sdkVariable: "GOOGLE_VERTEX_BASE_URL", auth: credential.Google},
	{name: vertexAnthropic, baseURL: vertexBase, root: "/v1", format: anthropic.NewVertex, hosts: vertexHosts,
		own: anthropicFormat, sdkVariable: "ANTHROPIC_VERTEX_BASE_URL", auth: credential.Google},
}

// compatible is the row of an OpenAI-compatible endpoint that nobody knows.
// Most servers understand the question for usage, and without it many send
// none; one that refuses it is asked no more (core/exchange/pared.go).
var compatible = Vendor{name: "openai-compatible", format: openai.New, streamUsage: true}

// Format makes the vendor's wire format at a base URL, with a key.
func (v *Vendor) Format(baseURL, key string) wire.Format {
	own, _ := At(baseURL)
	return v.format(wire.Options{At: wire.RootOf(baseURL), Key: key, Owner: own.name, Quirks: v.quirks, StreamUsage: v.streamUsage, EmbedTexts: v.embedTexts, Others: v.others})
}

// Model is what a configuration says of where a model is. Like names the
// vendor, Type the format or the vendor; without either, Provider does.
type Model struct {
	Provider, Name, Like, Type, Site, BaseURL, APIKey string

	APIVersion, Deployment string // Azure's
	OwnAuth                bool   // its headers hold a key

	Upstream, Project, Location string // Vertex AI's: the model's name there
	Credentials                 string // Google's, which may name the project

	Region  string // of a cloud's service
	Auth    string // the type of its credential, "" for the vendor's
	Profile string // in AWS's shared files, which may name the region
}

// Resolve finds the vendor of a model and where the model is: the base URL as
// configured, or the vendor's own. The vendor has the key that the environment
// holds for it, see [Vendor.Key]. Errors are INVALID_ARGUMENT.
func Resolve(m Model, getenv func(string) (string, bool)) (v Vendor, baseURL string, err error) {
	where := m.Provider + "/" + m.Name
	if m.Provider == "" || m.Name == "" {
		return v, "", llm.Errorf(llm.InvalidArgument, "a model needs a provider and a name (got %q)", where)
	}
	if m.Type == responsesName {
		return resolveResponses(where, &m, getenv)
	}
	if row, is := vertexRow(&m); is {
		return resolveVertex(where, &m, row, getenv)
	}
	v, typed, err := rowOf(where, &m)
	if err != nil {
		return v, "", err
	}
	name, configured := v.name, m.BaseURL
	if err := v.choose(where, &m, getenv); err != nil {
		return v, "", err
	}
	if _, own := At(m.BaseURL); own || configured == "" && v.addressFrom == "" || name == azureName {
		if err := refusePart(where, &m, name); err != nil {
			return v, "", err
		}
	}
	if err := v.place(where, &m, getenv); err != nil {
		return v, "", err
	}
	addressFrom := v.addressFrom
	if isAzure(&v, &m) {
		azure, _ := find(azureName)
		azure.key = v.key
		baseURL, err = azureURL(where, &m, addressFrom, getenv)
		return azure, baseURL, err
	}
	if v.name == azureName { // a server that only has the name
		v = compatible
	}
	if err := foreign(where, &m, v.cloud()); err != nil {
		return v, "", err
	}
	key, fromEnvironment := v.key, v.fromEnvironment
	baseURL, v, err = readBaseURL(where, m.BaseURL, v, typed)
	if err != nil {
		return v, "", blameAddress(err, addressFrom)
	}
	own, _ := At(baseURL)
	if v.name == compatible.name && own.openaiName != "" {
		region := v.region
		v, _ = find(own.openaiName)
		v.region = region
	}
	if v.name == compatible.name && own.name == vertexName {
		v.auth = own.auth
	}
	v.key, v.fromEnvironment = key, fromEnvironment
	if err := needsKey(&m, baseURL, getenv); err != nil {
		return v, "", err
	}
	return v, baseURL, nil
}

// needsKey is the error of a model without a key at an origin that wants one. A
// variable with nearly the name of the one that is not set is named.
func needsKey(m *Model, baseURL string, getenv func(string) (string, bool)) error {
	if own, known := At(baseURL); known && m.APIKey == "" && m.Auth == "" && own.auth == "" && !(m.OwnAuth && own.name == azureName) {
		instead := ""
		if near, is := own.nearKey(getenv); is {
			instead = "; nothing reads " + near.Name + ", which is set; did you mean " + near.Near + "?"
		}
		return llm.Errorf(llm.InvalidArgument, "model %s/%s has no api_key; %s needs one: %s%s", m.Provider, m.Name, own.name, own.howToSetKey(), instead)
	}
	return nil
}

// rowOf finds the row of a model; typed tells whether its format is named by
// another name than the provider's.
func rowOf(where string, m *Model) (v Vendor, typed bool, err error) {
	typed = m.Type != "" && m.Type != m.Provider
	row := m.Provider
	if m.Like != "" {
		row = m.Like
		if _, known := find(row); !known {
			return v, typed, noSuchLike(where, m.Like)
		}
	}
	v, known := find(row)
	switch t, isRow := find(m.Type); {
	case m.Type == "":
	case m.Type == compatible.name && m.Like != "" && v.own == "": // the row's format by its plain name
	case m.Type == compatible.name:
		v, known = compatible, m.BaseURL != ""
	case !isRow:
		return v, typed, llm.Errorf(llm.InvalidArgument, "%s: unknown type %s; expected %s%s", where, shown.Text(m.Type), formatNames(), suggest.For(m.Type, append(everyName(), responsesName, compatible.name)))
	case t.own == anthropicFormat && known && v.own == "" && (v.messages != "" || m.Like != ""):
		if v.messages == "" {
			return v, typed, llm.Errorf(llm.InvalidArgument, "%s: %s has no endpoint of Anthropic's format; leave out \"type\": %q", where, v.name, m.Type)
		}
		v, known = v.asAnthropic(t), true
	case m.Like != "" && t.name != v.name && !(t.name == "openai" && v.own == ""):
		return v, typed, llm.Errorf(llm.InvalidArgument, "%s: \"like\" is %s and \"type\" is %s; write one of them", where, shown.Name(m.Like), shown.Name(m.Type))
	case m.Like == "":
		v, known = t, true
	}
	if known {
		return v, typed, nil
	}
	if m.BaseURL == "" {
		hint := Nearest(m.Provider)
		if row := meantVendor(m.Provider); row != "" {
			hint = "; did you mean " + shown.Name(row) + ", as in " + shown.Name(row+"/"+m.Name) + "?"
		}
		return v, typed, llm.Errorf(llm.InvalidArgument, "provider %s has no base_url, and no vendor has this name; write \"like\" with the name of a vendor, or set the base_url of an OpenAI-compatible API%s",
			shown.Name(m.Provider), hint)
	}
	if host, own := At(m.BaseURL); own && host.own == "" && host.name != azureName && m.Type == "" {
		return host, typed, nil
	}
	return compatible, typed, nil
}

func noSuchLike(where, like string) error {
	return llm.Errorf(llm.InvalidArgument, "%s: \"like\" is %s, which is no vendor's name%s", where, shown.Text(like), Nearest(like))
}
