package credential

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
)

func TestEntraTokensAreGivenAsAzureIdentityGetsThem(t *testing.T) {
	const scope, resource = "https://cognitiveservices.azure.com/.default", "https://cognitiveservices.azure.com"
	at, seen := server(t, map[string]string{"POST /tenant-1/oauth2/v2.0/token": aToken})
	tenant := func(more map[string]string) map[string]string {
		more["AZURE_AUTHORITY_HOST"] = at + "/"
		return more
	}
	form := func() http.Header { return seen["/tenant-1/oauth2/v2.0/token"] }
	check := func(t *testing.T, spec Spec, environment map[string]string) {
		t.Helper()
		spec.Type = Entra
		s, err := fetch(t, spec, environment)
		require.NoError(t, err)
		require.Equal(t, "ya29.token", s.Token)
		require.InDelta(t, 3599, time.Until(s.Expires).Seconds(), 30)
	}
	t.Run("secret of the configuration", func(t *testing.T) {
		check(t, Spec{TenantID: "tenant-1", ClientID: "c", ClientSecret: "s3cret"}, tenant(map[string]string{"AZURE_CLIENT_SECRET": "other", "AZURE_FEDERATED_TOKEN_FILE": "/nowhere"}))
		require.Equal(t, "client_credentials c s3cret "+scope, strings.Join([]string{form().Get("Form-Grant_type"), form().Get("Form-Client_id"), form().Get("Form-Client_secret"), form().Get("Form-Scope")}, " "))
	})
	t.Run("secret of the environment", func(t *testing.T) {
		check(t, Spec{Scope: "https://ai.azure.com/.default"}, tenant(map[string]string{"AZURE_TENANT_ID": "tenant-1", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "env-secret"}))
		require.Equal(t, "env-secret", form().Get("Form-Client_secret"))
		require.Equal(t, "https://ai.azure.com/.default", form().Get("Form-Scope"))
	})
	t.Run("workload identity", func(t *testing.T) {
		check(t, Spec{}, tenant(map[string]string{"AZURE_TENANT_ID": "tenant-1", "AZURE_CLIENT_ID": "c", "AZURE_FEDERATED_TOKEN_FILE": write(t, "jwt", "the.jwt\n")}))
		require.Equal(t, assertionType, form().Get("Form-Client_assertion_type"))
		require.Equal(t, "the.jwt", form().Get("Form-Client_assertion"))
		require.Empty(t, form().Get("Form-Client_secret"))
	})
	// The numbers are texts there.
	asked := make(chan *http.Request, 1)
	machine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r
		_, _ = w.Write([]byte(strings.Replace(aToken, "3599", `"3599"`, 1)))
	}))
	t.Cleanup(machine.Close)
	t.Run("App Service", func(t *testing.T) {
		check(t, Spec{ClientID: "mine"}, map[string]string{"IDENTITY_ENDPOINT": machine.URL + "/msi/token", "IDENTITY_HEADER": "header-secret", "AZURE_CLIENT_ID": "other", "AZURE_CLIENT_SECRET": "of the other"})
		r := <-asked
		require.Equal(t, "header-secret", r.Header.Get("X-Identity-Header"))
		require.Equal(t, url.Values{"resource": {resource}, "api-version": {"2019-08-01"}, "client_id": {"mine"}}, r.URL.Query())
	})
	t.Run("machine", func(t *testing.T) {
		check(t, Spec{}, map[string]string{"AZURE_POD_IDENTITY_AUTHORITY_HOST": machine.URL, "http_proxy": "http://127.0.0.1:1"})
		r := <-asked
		require.Equal(t, entraIMDS, r.URL.Path)
		require.Equal(t, "true", r.Header.Get("Metadata"))
		require.Equal(t, url.Values{"resource": {resource}, "api-version": {"2018-02-01"}}, r.URL.Query())
	})
}

func TestWhatIsWrongWithEntraCredentialsIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		spec        Spec
		environment map[string]string
		message     string
	}{
		"nothing":       {Spec{}, map[string]string{"AZURE_POD_IDENTITY_AUTHORITY_HOST": "http://127.0.0.1:1"}, "set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"},
		"no tenant":     {Spec{ClientID: "c", ClientSecret: "s3cret"}, nil, "set auth.tenant_id and auth.client_id"},
		"no such file":  {Spec{TenantID: "t", ClientID: "c", TokenFile: "/nowhere/token"}, nil, "cannot be read: open \"/nowhere/token\""},
		"plain address": {Spec{TenantID: "t", ClientID: "c", ClientSecret: "s3cret"}, map[string]string{"AZURE_AUTHORITY_HOST": "http://example.com"}, "AZURE_AUTHORITY_HOST must be an https URL"},
	} {
		c.spec.Type = Entra
		_, err := fetch(t, c.spec, c.environment)
		require.Equal(t, llm.Authentication, llm.CodeOfError(err), name)
		require.ErrorContains(t, err, c.message, name)
		require.NotContains(t, err.Error(), "s3cret", name)
	}
}

func TestASovereignCloudHasAddressesOfItsOwn(t *testing.T) {
	for domain, want := range map[string][2]string{
		"":         {"https://login.microsoftonline.com", "https://cognitiveservices.azure.com/.default"},
		"azure.us": {"https://login.microsoftonline.us", "https://cognitiveservices.azure.us/.default"},
		"azure.cn": {"https://login.chinacloudapi.cn", "https://cognitiveservices.azure.cn/.default"},
	} {
		o := Options{Service: domain}
		require.Equal(t, want, [2]string{o.authority(), o.entraScope()})
	}
	o := Options{Getenv: func(name string) (string, bool) { return "login.example.com", name == "AZURE_AUTHORITY_HOST" }}
	require.Equal(t, "https://login.example.com", o.authority())
}
