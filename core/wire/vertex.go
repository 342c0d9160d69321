package wire

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
)

// Vertex is what the formats that Vertex AI speaks share: where the models of a
// publisher are asked (Vertex AI reference, "projects.locations.publishers.
// models"). At is the root of a project's location.
type Vertex struct {
	At        Root
	Publisher string // "google", "anthropic"
}

// URL is the endpoint of a model, which may be named as Google's own SDK takes
// it: with its publisher, or by the name of a resource.
func (v Vertex) URL(model, method, query string) string {
	name := strings.TrimPrefix(model, "models/")
	at, end := v.At, ""
	switch publisher, rest, found := strings.Cut(name, "/"); {
	case strings.HasPrefix(name, "projects/"):
		at.root = v.version()
		end = name
	case strings.HasPrefix(name, "publishers/"), strings.HasPrefix(name, "endpoints/"):
		end = name
	case found:
		end = "publishers/" + publisher + "/models/" + rest
	default:
		end = "publishers/" + v.Publisher + "/models/" + name
	}
	segments := strings.Split(end, "/")
	for i := range segments {
		segments[i] = url.PathEscape(segments[i])
	}
	return at.With("/"+strings.Join(segments, "/")+":"+method, query)
}

// version is the root of the API's version, without project and location.
func (v Vertex) version() string {
	root, _, _ := strings.Cut(v.At.root, "/projects/")
	return root
}

// Models is the URL of the list of the publisher's models, which only the beta
// version has.
func (v Vertex) Models() string {
	return Root{strings.TrimSuffix(v.version(), "/v1") + "/v1beta1", v.At.query}.With("/publishers/"+v.Publisher+"/models", "")
}

// Authorize puts a fixed key where Vertex AI wants it: access tokens begin with
// "ya29.", all else is an API key.
func (v Vertex) Authorize(h http.Header, key string) {
	switch {
	case key == "":
	case strings.HasPrefix(key, "ya29."):
		h.Set("Authorization", "Bearer "+key)
	default:
		h.Set("X-Goog-Api-Key", key)
	}
}

// Advice is that of an [Adviser].
func (v Vertex) Advice(e *llm.Error) string {
	said := strings.ToLower(e.ProviderMessage)
	switch {
	case e.Status == http.StatusNotFound:
		return "is the model offered at this \"location\", and to this project (Vertex AI, Model Garden)? Many are at \"global\" only"
	case e.Status == http.StatusForbidden && strings.Contains(said, "aiplatform.endpoints.predict"):
		return "the account needs the role Vertex AI User (roles/aiplatform.user) in the configured \"project\""
	case e.Status == http.StatusForbidden && strings.Contains(said, "has not been used in project"):
		return "enable the Vertex AI API in the configured \"project\", or set another"
	}
	return ""
}
