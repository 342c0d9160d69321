package vendor

import (
	"net"
	"strings"
)

const (
	ollamaName = "ollama"
	ollamaPort = "11434"
)

// ollamaHost makes a base URL of OLLAMA_HOST, which Ollama's server reads too:
// the scheme and the port may be missing, and the address may be the one that
// stands for all of the machine's.
func ollamaHost(text string) string {
	text = strings.TrimSpace(text)
	scheme, rest, found := strings.Cut(text, "://")
	port := map[string]string{"http": "80", "https": "443"}[scheme]
	if !found {
		scheme, rest, port = "http", text, ollamaPort
	}
	address, path, _ := strings.Cut(rest, "/")
	host, given, err := net.SplitHostPort(address)
	if err == nil {
		port = given
	} else {
		host = strings.Trim(address, "[]")
	}
	switch host {
	case "", "0.0.0.0":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	if path != "" {
		path = "/" + path
	}
	return scheme + "://" + net.JoinHostPort(host, port) + strings.TrimRight(path, "/")
}
