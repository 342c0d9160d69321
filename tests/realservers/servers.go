package main

import (
	"os/exec"
	"path/filepath"
	"strings"
)

// right and wrong are keys: the servers that check keys know the right one.
const (
	right = "sk-right"
	wrong = "sk-wrong"
)

// server is a program that others wrote, and what it is known to be able to do.
type server struct {
	name       string // as in the names of its contract cases: quirk_NAME_…
	title      string
	registry   string // "PyPI" or "npm"
	packages   []string
	language   string
	path       string // of the base URL
	provider   string // how it is configured: "openai", "anthropic" or "gemini"
	format     string // the model's "type"; "" for the provider's
	apiVersion string // the model's "api_version"; "" for none
	model      string
	python     func(places) string // the interpreter that has PyPI's packages; nil for that of most
	// command starts it on a port of the loopback interface.
	command func(p places, port string) (args, environment []string)
	quirks  string // the contract case with what is odd about a wire that is looked at through the library only

	checksKeys, checksModels, hasTools, hasUsage, hasLimit, hasModelList, countsNothing bool
}

// places are the folders of a run: build holds what was installed, and sources
// this package. All are absolute.
type places struct{ build, sources, run string }

func (p places) venv(name string) string   { return filepath.Join(p.build, "venv", "bin", name) }
func (p places) litellm() string           { return filepath.Join(p.build, "litellm", "bin", "python") }
func (p places) node(name string) string   { return filepath.Join(p.build, "node", "node_modules", name) }
func (p places) config(name string) string { return filepath.Join(p.sources, "config", name) }

var servers = []server{
	{
		name: "llamacpp", title: "llama.cpp's server with a tiny random model", registry: "PyPI", packages: []string{"xllamacpp", "gguf"}, language: "C++",
		path: "/v1", provider: "openai", model: "tiny-random", checksKeys: true, hasUsage: true, hasLimit: true, hasModelList: true,
		command: llamacpp,
	},
	{
		name: "aimock", title: "aimock", registry: "npm", packages: []string{"@copilotkit/aimock"}, language: "TypeScript, node:http",
		path: "/v1", provider: "openai", model: "gpt-4o", checksKeys: true, checksModels: true, hasTools: true, hasUsage: true, hasModelList: true,
		command: func(p places, port string) ([]string, []string) { return aimock(p, port, "aimock.json") },
	},
	{
		name: "aimock_responses", title: "aimock, its Responses API", registry: "npm", packages: []string{"@copilotkit/aimock"}, language: "TypeScript, node:http",
		path: "/v1", provider: "openai", format: "responses", model: "gpt-4o", checksKeys: true, checksModels: true, hasTools: true, hasUsage: true, hasModelList: true,
		command: aimockThinks,
	},
	{
		name: "aimock_anthropic", title: "aimock, its Anthropic side", registry: "npm", packages: []string{"@copilotkit/aimock"}, language: "TypeScript, node:http",
		path: "/v1", provider: "anthropic", model: "claude-sonnet-4-5", checksKeys: true, checksModels: true, hasTools: true, hasUsage: true, hasModelList: true,
		command: aimockThinks,
	},
	{
		name: "aimock_azure", title: "aimock, its Azure side", registry: "npm", packages: []string{"@copilotkit/aimock"}, language: "TypeScript, node:http",
		provider: "azure", apiVersion: "2024-10-21", model: "gpt-4o", checksKeys: true, checksModels: true, hasTools: true, hasUsage: true,
		command: aimockThinks,
	},
	{
		name: "aimock_bedrock", title: "aimock, its Bedrock side", registry: "npm", packages: []string{"@copilotkit/aimock"}, language: "TypeScript, node:http",
		provider: "gateway", format: "bedrock", model: "amazon.nova-pro-v1:0", checksKeys: true, checksModels: true, hasTools: true, hasUsage: true,
		command: aimockThinks,
	},
	{
		name: "aimock_gemini", title: "aimock, its Gemini side", registry: "npm", packages: []string{"@copilotkit/aimock"}, language: "TypeScript, node:http",
		path: "/v1beta", provider: "gemini", model: "gemini-2.5-flash", checksKeys: true, checksModels: true, hasTools: true, hasUsage: true,
		command: aimockThinks,
	},
	{
		name: "aimock_ollama", title: "aimock, its Ollama side", registry: "npm", packages: []string{"@copilotkit/aimock"}, language: "TypeScript, node:http",
		provider: "ollama", model: "llama3.2", checksKeys: true, checksModels: true, hasTools: true, hasModelList: true, countsNothing: true,
		command: aimockThinks,
	},
	{
		name: "llamacpp_anthropic", title: "llama.cpp's server, its Anthropic side", registry: "PyPI", packages: []string{"xllamacpp", "gguf"}, language: "C++",
		path: "/v1", provider: "anthropic", model: "tiny-random", checksKeys: true, hasUsage: true, hasLimit: true, hasModelList: true,
		command: llamacpp,
	},
	{
		name: "llamacpp_responses", title: "llama.cpp's server, its Responses API", registry: "PyPI", packages: []string{"xllamacpp", "gguf"}, language: "C++",
		path: "/v1", provider: "openai", format: "responses", model: "tiny-random", checksKeys: true, hasUsage: true, hasLimit: true, hasModelList: true,
		command: llamacpp,
	},
	{
		name: "ollama", title: "ollama with a tiny random model", registry: "Go", packages: []string{"github.com/ollama/ollama"}, language: "Go, C++",
		provider: "ollama", model: "tiny-random", checksModels: true, hasUsage: true, hasModelList: true,
		command: ollama,
	},
	{
		name: "ollama_openai", title: "ollama, its OpenAI side", registry: "Go", packages: []string{"github.com/ollama/ollama"}, language: "Go, C++",
		path: "/v1", provider: "openai", model: "tiny-random", checksModels: true, hasUsage: true, hasModelList: true,
		command: ollama,
	},
	{
		name: "ollama_anthropic", title: "ollama, its Anthropic side", registry: "Go", packages: []string{"github.com/ollama/ollama"}, language: "Go, C++",
		path: "/v1", provider: "anthropic", model: "tiny-random", checksModels: true, hasUsage: true, hasModelList: true,
		command: ollama,
	},
	{
		name: "ollama_responses", title: "ollama, its Responses API", registry: "Go", packages: []string{"github.com/ollama/ollama"}, language: "Go, C++",
		path: "/v1", provider: "openai", format: "responses", model: "tiny-random", checksModels: true, hasUsage: true, hasModelList: true,
		command: ollama,
	},
	{
		name: "litellm", title: "litellm's proxy before aimock", registry: "PyPI", packages: []string{"litellm"}, language: "Python, FastAPI", python: places.litellm,
		path: "/v1", provider: "openai", model: "gpt-4o", checksKeys: true, checksModels: true, hasTools: true, hasUsage: true, hasModelList: true,
		command: litellm,
	},
	{
		name: "litellm_anthropic", title: "litellm's proxy before aimock, its Anthropic side", registry: "PyPI", packages: []string{"litellm"}, language: "Python, FastAPI", python: places.litellm,
		path: "/v1", provider: "anthropic", model: "gpt-4o", checksKeys: true, checksModels: true, hasTools: true, hasUsage: true, hasModelList: true,
		command: litellm,
	},
	{
		name: "litellm_responses", title: "litellm's proxy before aimock, its Responses API", registry: "PyPI", packages: []string{"litellm"}, language: "Python, FastAPI", python: places.litellm,
		path: "/v1", provider: "openai", format: "responses", model: "gpt-4o", checksKeys: true, checksModels: true, hasTools: true, hasUsage: true, hasModelList: true,
		command: litellm,
	},
	{
		name: "mock_llm", title: "mock-llm", registry: "npm", packages: []string{"@dwmkerr/mock-llm"}, language: "TypeScript, Express",
		path: "/v1", provider: "openai", model: "gpt-5.2", hasModelList: true, countsNothing: true,
		command: func(p places, port string) ([]string, []string) {
			return []string{"node", p.node("@dwmkerr/mock-llm/dist/main.js")}, []string{"HOST=127.0.0.1", "PORT=" + port}
		},
	},
	{
		name: "mockllm", title: "mockllm", registry: "PyPI", packages: []string{"mockllm"}, language: "Python, FastAPI",
		path: "/v1", provider: "openai", model: "gpt-4o",
		command: func(p places, port string) ([]string, []string) {
			return []string{p.venv("python"), "-m", "uvicorn", "mockllm.server:app", "--host", "127.0.0.1", "--port", port},
				[]string{"MOCKLLM_RESPONSES_FILE=" + p.config("mockllm.yaml")}
		},
	},
	{
		name: "stubllm", title: "stubllm", registry: "PyPI", packages: []string{"stubllm"}, language: "Python, FastAPI",
		path: "/v1", provider: "openai", model: "gpt-4o", checksKeys: true, checksModels: true, hasTools: true, hasModelList: true,
		command: func(p places, port string) ([]string, []string) {
			return []string{p.venv("stubllm"), "serve", "--port", port, "--fixture-file", p.config("stubllm.yaml")}, nil
		},
	},
	{
		name: "llmock", title: "llmock", registry: "PyPI", packages: []string{"llmock"}, language: "Python, FastAPI",
		path: "/v1", provider: "openai", model: "gpt-4o", hasTools: true, hasUsage: true, hasLimit: true, hasModelList: true,
		command: llmock,
	},
	{
		name: "llmock_gemini", title: "llmock, its Gemini side", registry: "PyPI", packages: []string{"llmock"}, language: "Python, FastAPI",
		path: "/gemini/v1beta", provider: "gemini", model: "gemini-2.5-flash", hasTools: true, hasUsage: true, hasLimit: true, hasModelList: true,
		command: llmock, quirks: "quirk_llmock_gemini_shape",
	},
}

func aimock(p places, port, fixtures string) ([]string, []string) {
	return []string{"node", p.node("@copilotkit/aimock/dist/cli.js"), "--port", port, "-f", p.config(fixtures)}, []string{"AIMOCK_API_KEYS=" + right}
}

// aimockThinks has thoughts and searches in its answers, which formats other
// than chat completions tell, and counts only what its fixtures say.
func aimockThinks(p places, port string) ([]string, []string) {
	return aimock(p, port, "aimock_thinks.json")
}

func llamacpp(p places, port string) ([]string, []string) {
	return []string{p.venv("python"), filepath.Join(p.sources, "llamacpp_server.py"), p.run, port, right}, nil
}

func ollama(p places, port string) ([]string, []string) {
	return []string{p.venv("python"), filepath.Join(p.sources, "ollama_server.py"), p.run, port, filepath.Join(p.build, "ollama")}, nil
}

// litellm runs litellm's proxy, whose only model is aimock's.
func litellm(p places, port string) ([]string, []string) {
	return []string{p.litellm(), filepath.Join(p.sources, "litellm_proxy.py"), p.run, port, right,
		p.node("@copilotkit/aimock/dist/cli.js"), p.config("aimock_thinks.json")}, nil
}

func llmock(p places, port string) ([]string, []string) {
	return []string{p.venv("llmock"), "serve", "--host", "127.0.0.1", "--port", port, "--context-window", "2000"}, nil
}

// speaksOpenAI tells whether the server is asked by chat completions, whose
// wire is looked at.
func (s *server) speaksOpenAI() bool { return s.provider == "openai" && s.format == "" }

// version asks the installed package, not the lock file, for its version.
func (s *server) version(p places) string {
	var all []string
	for _, name := range s.packages {
		var command *exec.Cmd
		switch s.registry {
		case "Go":
			command = exec.Command("go", "-C", filepath.Join(p.sources, "ollama"), "list", "-m", "-f", "{{.Version}}", name)
		case "npm":
			command = exec.Command("node", "-p", `require(process.argv[1]).version`, p.node(name)+"/package.json")
		default:
			python := p.venv("python")
			if s.python != nil {
				python = s.python(p)
			}
			command = exec.Command(python, "-c", "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))", name)
		}
		output, err := command.Output()
		if err != nil {
			output = []byte("not installed")
		}
		all = append(all, name+" "+strings.TrimSpace(string(output)))
	}
	return strings.Join(all, ", ")
}
