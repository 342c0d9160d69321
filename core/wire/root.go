package wire

import "strings"

// Root is a base_url as requests use it: the root of an API, and a query that
// stands behind every path (Azure's api-version).
type Root struct{ root, query string }

// RootOf reads a base URL.
func RootOf(base string) Root {
	root, query, _ := strings.Cut(base, "?")
	return Root{root, query}
}

// Cohere is the root of Cohere's own API beside that which speaks OpenAI's
// format.
func (a Root) Cohere() Root {
	root := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(a.root, "/v2"), "/v1"), "/compatibility")
	return Root{root + "/v2", a.query}
}

// Reranks is the root of DashScope's API for rankings beside that for chats.
func (a Root) Reranks() Root {
	return Root{strings.Replace(a.root, "/compatible-mode/", "/compatible-api/", 1), a.query}
}

// Retrieval is the root of NVIDIA's own API for the rankings of a model, which
// is beside that for chats; the root itself where another server has it.
func (a Root) Retrieval(model string) (root Root, own bool) {
	if a.root != "https://integrate.api.nvidia.com/v1" {
		return a, false
	}
	return Root{"https://ai.api.nvidia.com/v1/retrieval/" + strings.ReplaceAll(model, ".", "_"), a.query}, true
}

// Below is the root that ends with path, which a base URL may lack.
func (a Root) Below(path string) Root {
	return Root{strings.TrimSuffix(a.root, path) + path, a.query}
}

// With is the URL of a path of the API; more is a query of its own.
func (a Root) With(path, more string) string {
	query := a.query
	if query != "" && more != "" {
		query += "&"
	}
	if query += more; query != "" {
		query = "?" + query
	}
	return a.root + path + query
}
