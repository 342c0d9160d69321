package faultwall

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
)

// vertexGemini and vertexClaude are generateContent and the Messages API as
// Vertex AI speaks them (its reference, "projects.locations.publishers.models";
// Anthropic API docs, "Claude on Vertex AI"): at addresses and with errors of
// their own.
type (
	vertexGemini struct{ gemini }
	vertexClaude struct{ anthropic }
)

var (
	_ dialect = vertexGemini{}
	_ dialect = vertexClaude{}
)

// splitVertex splits …/v1/projects/P/locations/L/publishers/PUBLISHER/models/
// MODEL:METHOD; without a project it is for API keys.
func splitVertex(path string) (project bool, publisher, model, method string, ok bool) {
	root, rest, found := strings.Cut(path, "/publishers/")
	publisher, rest, named := strings.Cut(rest, "/models/")
	model, method, asked := strings.Cut(rest, ":")
	_, place, project := strings.Cut(root, "/projects/")
	if project {
		root, _, _ = strings.Cut(root, "/projects/")
		parts := strings.Split(place, "/")
		asked = asked && len(parts) == 3 && parts[0] != "" && parts[1] == "locations" && parts[2] != ""
	}
	version := strings.HasSuffix(root, "/v1") || strings.HasSuffix(root, "/v1beta1")
	return project, publisher, model, method, found && named && asked && version && !strings.Contains(publisher+model, "/")
}

// understandVertex reads a request to a model at Vertex AI, or for a token: of
// Google, of Entra (/oauth2/v2.0/token), or of the services of machines in
// their clouds (/service-accounts/default/token,
// /metadata/identity/oauth2/token). It is false for any other.
func (c *call) understandVertex(r *http.Request) (refusal *Step, is bool) {
	if strings.HasSuffix(r.URL.Path, "/token") {
		return giveToken(r), true
	}
	project, publisher, model, method, ok := splitVertex(r.URL.Path)
	if !ok {
		return nil, false
	}
	switch {
	case publisher == "google" && (method == "generateContent" || method == "streamGenerateContent"):
		refusal = c.readGemini(r, model, method)
		c.dialect = vertexGemini{}
	case publisher == "google" && (method == "predict" || method == "embedContent"):
		refusal = c.readVertexEmbed(model, method)
	case publisher == "anthropic" && (method == "rawPredict" || method == "streamRawPredict"):
		refusal = c.readOpenAI(r) // the fields that count are the same
		c.dialect = vertexClaude{}
		if refusal == nil {
			refusal = c.checkVertexClaude(method)
		}
		c.model, c.stream = model, method == "streamRawPredict"
	default:
		c.model, c.dialect = model, vertexGemini{}
		return &Step{Status: http.StatusNotFound}, true
	}
	if refusal == nil && publisher == "google" {
		refusal = c.checkRoles()
	}
	hasKey := r.Header.Get("X-Goog-Api-Key") != "" || r.URL.Query().Has("key")
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") && !hasKey || !project && !hasKey {
		refusal = &Step{Status: http.StatusUnauthorized}
	}
	return refusal, true
}

// checkRoles is what Vertex AI wants of a conversation: each turn names its
// role.
func (c *call) checkRoles() *Step {
	var body struct {
		Contents []struct {
			Role string `json:"role"`
		} `json:"contents"`
	}
	if llm.JSON.Unmarshal(c.body, &body) != nil {
		return nil
	}
	for _, turn := range body.Contents {
		if turn.Role != "user" && turn.Role != "model" {
			return &Step{Status: http.StatusBadRequest, Body: vertexError(http.StatusBadRequest, "Please use a valid role: user, model.")}
		}
	}
	return nil
}

// checkVertexClaude is what Claude wants of a body there: the version instead
// of the model.
func (c *call) checkVertexClaude(method string) *Step {
	var body struct {
		Version string `json:"anthropic_version"`
		Model   *any   `json:"model"`
		Stream  bool   `json:"stream"`
	}
	message := ""
	switch err := llm.JSON.Unmarshal(c.body, &body); {
	case err != nil:
		message = err.Error()
	case body.Model != nil:
		message = "model: Extra inputs are not permitted"
	case body.Version != "vertex-2023-10-16" && !azureVersion(body.Version): // as documented; Anthropic's SDK sends a date since 2.0
		message = "anthropic_version: Field required"
	case body.Stream != (method == "streamRawPredict"):
		message = "stream: the method is " + method
	default:
		return nil
	}
	return &Step{Status: http.StatusBadRequest, Body: object("type", "error", "error", object("type", "invalid_request_error", "message", message))}
}

func vertexError(status int, message string) any {
	return object("error", object("code", status, "message", message, "status", failureOf(geminiErrors, status).kind))
}

// vertexFailure is an error of Vertex AI's own; nil where the model's server
// says it.
func vertexFailure(status int, publisher, model string) any {
	switch status {
	case http.StatusUnauthorized:
		return vertexError(status, "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.")
	case http.StatusForbidden:
		return vertexError(status, "Permission 'aiplatform.endpoints.predict' denied on resource '//aiplatform.googleapis.com/projects/p/locations/l/publishers/"+publisher+"/models/"+model+"' (or it may not exist).")
	case http.StatusNotFound:
		return vertexError(status, "Publisher Model `projects/p/locations/l/publishers/"+publisher+"/models/"+model+"` was not found or your project does not have access to it.")
	case http.StatusTooManyRequests:
		return vertexError(status, "Resource exhausted. Please try again later.")
	}
	return nil
}

func (v vertexGemini) failure(status int, model string) any {
	return cmp.Or(vertexFailure(status, "google", model), v.gemini.failure(status, model))
}

func (v vertexClaude) failure(status int, model string) any {
	return cmp.Or(vertexFailure(status, "anthropic", model), v.anthropic.failure(status, model))
}

// Token is what the wall gives as a token server of Google or of Microsoft
// Entra, whoever asks.
const Token = "wall-token"

// giveToken answers a request for a token, as RFC 6749 says. Services of
// machines want a header that no browser sends.
func giveToken(r *http.Request) *Step {
	if r.Method == http.MethodGet && r.Header.Get("Metadata-Flavor") == "" && r.Header.Get("Metadata") == "" {
		return &Step{Status: http.StatusBadRequest, Body: object("error", "invalid_request", "error_description", "Required metadata header not specified")}
	}
	return &Step{Body: object("access_token", Token, "expires_in", 3600, "token_type", "Bearer")}
}
