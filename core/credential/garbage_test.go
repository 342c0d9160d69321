package credential

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
)

// machines are the addresses by which each cloud's machine is asked.
func machines(url string) map[string]map[string]string {
	return map[string]map[string]string{
		Google: {"GCE_METADATA_HOST": strings.TrimPrefix(url, "http://")},
		Entra:  {"AZURE_POD_IDENTITY_AUTHORITY_HOST": url},
		AWS:    {"AWS_EC2_METADATA_SERVICE_ENDPOINT": url},
	}
}

// Whatever a machine's service answers, the call may go on elsewhere: no answer
// of it is a mistake of the caller's, and each is told in a short line.
func TestWhatAMachineMayAnswer(t *testing.T) {
	page := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = fmt.Fprint(w, body)
		}
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		code   llm.Code
		says   string
	}{
		"a page":   {page(200, "<html><body>Sign in to the network</body></html>"), llm.Authentication, "did not answer with"},
		"nothing":  {page(200, ""), llm.Authentication, "did not answer with"},
		"null":     {page(200, "null"), llm.Authentication, "no"},
		"a list":   {page(200, `["a"]`), llm.Authentication, "did not answer with"},
		"huge":     {page(200, `{"access_token":"`+strings.Repeat("a", 2<<20)), llm.Authentication, "did not answer with"},
		"no token": {page(200, `{"access_token":"a\nb","expires_in":60,"AccessKeyId":"a\nb","SecretAccessKey":"s"}`), llm.Authentication, ""},
		"a blank":  {page(200, `{"access_token":"a b","expires_in":60}`), llm.Authentication, ""},
		"403":      {page(403, `{"error":"off","error_description":"Access is switched off"}`), llm.Authentication, "Access is switched off"},
		"404":      {page(404, ""), llm.Authentication, "HTTP 404"},
		"429":      {page(429, ""), llm.RateLimit, "HTTP 429"},
		"500":      {page(500, ""), llm.Unavailable, "HTTP 500"},
		"elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		}, llm.Authentication, "HTTP 302: it leads elsewhere"},
		"cut": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "500")
			_, _ = fmt.Fprint(w, `{"acc`)
		}, llm.Unavailable, "cut after 5 bytes"},
	} {
		s := httptest.NewServer(c.answer)
		for kind, environment := range machines(s.URL) {
			_, err := fetch(t, Spec{Type: kind}, environment)
			require.Equal(t, c.code, llm.CodeOfError(err), "%s %s: %v", kind, name, err)
			require.ErrorContains(t, err, c.says, "%s %s", kind, name)
			require.Less(t, len(err.Error()), 1<<10, "%s %s", kind, name)
		}
		s.Close()
	}
}
