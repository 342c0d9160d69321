package credential

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"os"
	"strings"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
)

// Addresses of Entra's tokens.
const (
	entraMachine   = "http://169.254.169.254"
	entraIMDS      = "/metadata/identity/oauth2/token"
	assertionType  = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	entraDefault   = "/.default" // behind a resource, the scope of all that it allows
	entraResources = "https://cognitiveservices."
)

// entra gets the tokens of Microsoft Entra as Azure's own libraries do
// (azure-identity, "DefaultAzureCredential"): by a client's secret, by the
// token of a workload's identity, or from the identity of the machine.
type entra struct{ Options }

func (e *entra) secrets() []string {
	return []string{e.ClientSecret, e.getenv("AZURE_CLIENT_SECRET"), e.getenv("IDENTITY_HEADER")}
}

func (e *entra) fetch(ctx context.Context) (*Secret, error) {
	client := cmp.Or(e.ClientID, e.getenv("AZURE_CLIENT_ID"))
	secret, file := e.ClientSecret, e.TokenFile
	if secret == "" && file == "" && client == e.getenv("AZURE_CLIENT_ID") { // those of the environment belong to its client
		secret, file = e.getenv("AZURE_CLIENT_SECRET"), e.getenv("AZURE_FEDERATED_TOKEN_FILE")
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {client}, "scope": {e.entraScope()}}
	switch {
	case secret != "":
		form.Set("client_secret", secret)
		return e.fromTenant(ctx, form, client, "a client secret")
	case file != "":
		token, err := os.ReadFile(file) // anew each time: it is renewed
		if err != nil {
			return nil, llm.Errorf(llm.Authentication, "the file with the workload's token (auth.token_file, AZURE_FEDERATED_TOKEN_FILE) cannot be read: %s", shown.File(err))
		}
		form.Set("client_assertion_type", assertionType)
		form.Set("client_assertion", strings.TrimSpace(string(token)))
		return e.fromTenant(ctx, form, client, "the token of a workload's identity")
	}
	return e.fromMachine(ctx, client)
}

// entraScope is the configured scope, or that of Azure's models.
func (o *Options) entraScope() string {
	return cmp.Or(o.Scope, entraResources+o.cloud()+entraDefault)
}

// cloud is the domain of the Azure that is asked: azure.com, or that of a
// sovereign cloud.
func (o *Options) cloud() string {
	if o.Service == "azure.us" || o.Service == "azure.cn" {
		return o.Service
	}
	return "azure.com"
}

// authority is where the cloud's tokens are given.
func (o *Options) authority() string {
	host := strings.TrimRight(o.getenv("AZURE_AUTHORITY_HOST"), "/")
	if host == "" {
		host = map[string]string{"azure.com": "login.microsoftonline.com", "azure.us": "login.microsoftonline.us", "azure.cn": "login.chinacloudapi.cn"}[o.cloud()]
	}
	if !strings.Contains(host, "://") {
		host = "https://" + host
	}
	return host
}

// fromTenant asks the token endpoint of the tenant.
func (e *entra) fromTenant(ctx context.Context, form url.Values, client, by string) (*Secret, error) {
	tenant := cmp.Or(e.TenantID, e.getenv("AZURE_TENANT_ID"))
	if tenant == "" || client == "" {
		return nil, llm.Errorf(llm.Authentication, "Entra needs a tenant and a client beside %s; set auth.tenant_id and auth.client_id in the configuration, or AZURE_TENANT_ID and AZURE_CLIENT_ID", by)
	}
	root := e.authority()
	if !safe(root) {
		return nil, llm.Errorf(llm.Authentication, "AZURE_AUTHORITY_HOST must be an https URL")
	}
	return e.token(ctx, root+"/"+url.PathEscape(tenant)+"/oauth2/v2.0/token", form)
}

// fromMachine asks for the managed identity of an App Service or of a machine
// (Microsoft Learn, "Use managed identities").
func (e *entra) fromMachine(ctx context.Context, client string) (*Secret, error) {
	query := url.Values{"resource": {strings.TrimSuffix(e.entraScope(), entraDefault)}}
	if client != "" {
		query.Set("client_id", client)
	}
	if endpoint, header := e.getenv("IDENTITY_ENDPOINT"), e.getenv("IDENTITY_HEADER"); endpoint != "" && header != "" {
		query.Set("api-version", "2019-08-01")
		if err := llm.CheckHeaderValue("IDENTITY_HEADER", header); err != nil {
			return nil, err
		}
		s, err := e.askMachine(ctx, endpoint+"?"+query.Encode(), "IDENTITY_ENDPOINT", "X-Identity-Header", header)
		if errors.Is(err, errNone) {
			return nil, llm.Errorf(llm.Unavailable, "the App Service gives no token: %s", reason(err))
		}
		return s, err
	}
	query.Set("api-version", "2018-02-01")
	root := cmp.Or(strings.TrimRight(e.getenv("AZURE_POD_IDENTITY_AUTHORITY_HOST"), "/"), entraMachine)
	s, err := e.askMachine(ctx, root+entraIMDS+"?"+query.Encode(), "the metadata service", "Metadata", "true")
	if errors.Is(err, errNone) {
		return nil, llm.Errorf(llm.Authentication, "no Entra credentials were found (no client secret, no workload's token, and %s); set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or \"auth\": {\"type\": \"entra\", \"tenant_id\": …, \"client_id\": …, \"client_secret\": …} in the configuration, or use an api_key", reason(err))
	}
	return s, err
}
