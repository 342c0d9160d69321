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

// Ranking is the URL of a model's rankings in NVIDIA's shape: each model has
// its own where NVIDIA serves them, and the servers of others have one for all.
// At NVIDIA's address for chats there are none, hence "": the key goes to no
// other origin than the configured one (L3).
func (a Root) Ranking(model string) string {
	switch a.root {
	case "https://integrate.api.nvidia.com/v1":
		return ""
	case "https://ai.api.nvidia.com/v1":
		return a.With("/retrieval/"+strings.ReplaceAll(model, ".", "_")+"/reranking", "")
	}
	return a.With("/ranking", "")
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
