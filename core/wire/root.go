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
