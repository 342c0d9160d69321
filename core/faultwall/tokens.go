package faultwall

import (
	"net/http"
	"strings"
)

// Token is what the wall gives as a token server of Google or of Microsoft
// Entra, whoever asks.
const Token = "wall-token"

// isTokenServer tells whether a request asks for a token: of Google, of Entra
// (/oauth2/v2.0/token), or of the services of machines in their clouds
// (/service-accounts/default/token, /metadata/identity/oauth2/token).
func isTokenServer(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/token") }

// giveToken answers a request for a token, as RFC 6749 says. Services of
// machines want a header that no browser sends.
func giveToken(r *http.Request) *Step {
	if r.Method == http.MethodGet && r.Header.Get("Metadata-Flavor") == "" && r.Header.Get("Metadata") == "" {
		return &Step{Status: http.StatusBadRequest, Body: object("error", "invalid_request", "error_description", "Required metadata header not specified")}
	}
	return &Step{Body: object("access_token", Token, "expires_in", 3600, "token_type", "Bearer")}
}
