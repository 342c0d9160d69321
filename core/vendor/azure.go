package vendor

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/llmagg/llmagg/core/credential"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
)

// This file completes Azure's addresses. A resource has two: /openai/v1, which
// needs no api-version, and /openai/deployments, where the path names the
// deployment and the query the api-version. The portal shows either with an
// endpoint and a query behind it, documents show the resource alone.

const (
	azureName     = "azure"
	azureResource = "https://RESOURCE.openai.azure.com"
	azureVariable = "OPENAI_API_VERSION" // of Azure's SDKs
	azureParam    = "api-version"
	azurePath     = "/openai"
	azureV1       = azurePath + "/v1"
	azureClassic  = azurePath + "/deployments"
	azureExample  = "2024-10-21"
)

// azureHosts are the hosts of resources, those of the sovereign clouds too.
var azureHosts = []string{"*.openai.azure.com", "*.services.ai.azure.com", "*.cognitiveservices.azure.com",
	"*.openai.azure.us", "*.cognitiveservices.azure.us", "*.openai.azure.cn", "*.cognitiveservices.azure.cn"}

// azureVersion tells whether a version is a date, maybe of a preview.
func azureVersion(version string) bool {
	_, err := time.Parse(time.DateOnly, strings.TrimSuffix(version, "-preview"))
	return err == nil
}

// AzureCloud is the domain of the Azure that a base URL is of; "" where it is
// elsewhere.
func AzureCloud(base string) string {
	host := hostOf(base)
	for _, domain := range []string{"azure.com", "azure.us", "azure.cn"} {
		if strings.HasSuffix(strings.ToLower(host), "."+domain) {
			return domain
		}
	}
	return ""
}

// azureAddress is a base_url of Azure's, or of a gateway in front of it.
type azureAddress struct {
	where, base string
	url         *url.URL
	host        bool   // it is a resource of Azure's own
	prefix      string // of the path, before /openai
	path        string // from /openai on, without an endpoint
	version     string // of the query, or of the configuration
	given       string // where that version stands
	query       []string
}

// isAzure tells whether m, whose vendor is v so far, is Azure: by its type, by
// its address, or by its provider's name where the address fits.
func isAzure(v *Vendor, m *Model) bool {
	if m.Type != "" && m.Type != azureName {
		return false
	}
	host, _ := At(m.BaseURL)
	u, err := url.Parse(m.BaseURL)
	if err != nil || m.BaseURL == "" || host.name == azureName {
		return v.name == azureName || host.name == azureName && !strings.Contains(u.Path, "/anthropic")
	}
	if v.name != azureName {
		return false
	}
	_, _, openai := strings.Cut(u.Path+"/", azurePath+"/")
	return openai || m.Type != "" || m.APIVersion != "" || m.Deployment != "" || u.Query().Has(azureParam)
}

// foreign refuses settings of one cloud at another vendor, own being the cloud
// that is asked.
func foreign(where string, m *Model, own string) error {
	for _, s := range [][4]string{{"api_version", m.APIVersion, azureName, "Azure"}, {"deployment", m.Deployment, azureName, "Azure"},
		{"project", m.Project, vertexName, "Vertex AI"}, {"location", m.Location, vertexName, "Vertex AI"}, {"region", m.Region, "bedrock", "AWS"}} {
		if s[1] != "" && s[2] != own && !(s[0] == "region" && (own == vertexName || m.Auth == credential.AWS || regionOf(m.BaseURL) != "")) {
			return llm.Errorf(llm.InvalidArgument, "%s: %q is a setting of %s's; leave it out, or write \"type\": %q", where, s[0], s[3], s[2])
		}
	}
	return nil
}

// azureURL completes the base_url of a model at Azure; from is the variable of
// the environment that it comes from, or "".
func azureURL(where string, m *Model, from string, getenv func(string) (string, bool)) (string, error) {
	if m.BaseURL == "" {
		return "", llm.Errorf(llm.InvalidArgument, "%s: Azure needs the address of your resource; set base_url to %s (in the Azure portal: Keys and Endpoint), or the variable AZURE_OPENAI_ENDPOINT", where, azureResource)
	}
	if err := foreign(where, m, azureName); err != nil {
		return "", err
	}
	a := &azureAddress{where: where, base: m.BaseURL}
	if err := a.read(); err != nil {
		return "", blameAddress(err, from)
	}
	if a.host && m.APIKey == "" && !m.OwnAuth {
		return "", llm.Errorf(llm.InvalidArgument, "model %s has no api_key; azure needs one (in the Azure portal: Keys and Endpoint), or \"auth\": {\"type\": \"entra\"} for a token of Entra's", where)
	}
	if err := a.versions(m, getenv); err != nil {
		return "", err
	}
	if err := a.deployment(m); err != nil {
		return "", err
	}
	return a.at(a.path, a.version), nil
}

// read takes the address apart.
func (a *azureAddress) read() error {
	u, err := parseBaseURL(a.where, a.base, azureResource)
	if err != nil {
		return err
	}
	host, _ := At(a.base)
	a.url, a.host = u, host.name == azureName
	path := strings.TrimRight(u.EscapedPath(), "/")
	for _, end := range endpoints {
		if n := len(path) - len(end); n >= 0 && strings.EqualFold(path[n:], end) {
			path = path[:n]
			break
		}
	}
	at := strings.Index(path+"/", azurePath+"/")
	if at < 0 {
		at = len(path)
	}
	a.prefix, a.path = path[:at], path[at:]
	for item := range strings.SplitSeq(u.RawQuery, "&") {
		name, value, _ := strings.Cut(item, "=")
		switch {
		case strings.EqualFold(name, azureParam):
			if a.version, err = url.QueryUnescape(value); err != nil {
				return a.fail("the api-version in base_url has a malformed escape")
			}
			a.given = "base_url"
		case item != "":
			a.query = append(a.query, item)
		}
	}
	switch {
	case a.host && a.prefix == "/models":
		return a.fail("base_url %s is the endpoint of Azure's model inference API; write the base_url %q", shownBase(a.base), a.shown("", azureV1))
	case a.host && strings.HasPrefix(a.prefix, "/anthropic"):
		return a.fail("base_url %s speaks Anthropic's own format; write \"type\": \"anthropic\"", shownBase(a.base))
	}
	return nil
}

func (a *azureAddress) fail(format string, values ...any) error {
	return llm.Errorf(llm.InvalidArgument, a.where+": "+format, values...)
}

// versions finds the api-version, and with it which of the two APIs is asked.
func (a *azureAddress) versions(m *Model, getenv func(string) (string, bool)) error {
	if set := m.APIVersion; set != "" {
		if a.version != "" && a.version != set {
			return a.fail("api_version is %s, but base_url says api-version=%s; leave one of them out", azureShown(set), azureShown(a.version))
		}
		a.version, a.given = set, "api_version"
	}
	v1 := a.version == "v1" || a.version == "preview" || a.version == "latest"
	if a.version != "" && !v1 && (a.given != "base_url" || a.host) && !azureVersion(a.version) {
		return a.fail("%s is %s; expected a date such as %q, or \"v1\"", azureSaid(a.given), azureShown(a.version), azureExample)
	}
	if a.version == "" && getenv != nil && !strings.HasPrefix(a.path, azureV1) {
		if a.version, _ = getenv(azureVariable); a.version != "" && !azureVersion(a.version) {
			return a.fail("the variable %s is %s; expected a date such as %q", azureVariable, azureShown(a.version), azureExample)
		}
	}
	switch classic := strings.HasPrefix(a.path, azureClassic); {
	case classic && v1:
		return a.fail("%s %s belongs to the base_url %q; %s needs a date such as %q", azureSaid(a.given), azureShown(a.version), a.shown(a.prefix, azureV1), azureClassic, azureExample)
	case classic && a.version == "" && (a.host || m.Type != ""):
		return a.fail("base_url %s needs an API version; set \"api_version\" (such as %q) or the variable %s, or write the base_url %q, which needs none",
			shownBase(a.base), azureExample, azureVariable, a.shown(a.prefix, azureV1))
	case strings.HasPrefix(a.path, azureV1) && a.version != "" && !v1:
		return a.fail("%s %s belongs to the base_url %q; leave it out for %s", azureSaid(a.given), azureShown(a.version), a.shown(a.prefix, azurePath), azureV1)
	case a.path != "" && a.path != azurePath: // the address says it
	case a.version == "" || v1:
		a.path = azureV1
	default:
		a.path = azureClassic
	}
	if a.version == "v1" {
		a.version = "" // no version of Azure's, but a way to name the API
	}
	return nil
}

// azureSaid names the place of an api-version.
func azureSaid(given string) string {
	if given == "base_url" {
		return "the api-version in base_url"
	}
	return given
}

// azureShown quotes an api-version that is one.
func azureShown(version string) string {
	if azureVersion(version) {
		return strconv.Quote(version)
	}
	return shown.Text(version)
}

// deployment holds the deployment of the path against the configured one.
func (a *azureAddress) deployment(m *Model) error {
	name, found := strings.CutPrefix(a.path, azureClassic+"/")
	if !found || m.Deployment == "" {
		return nil
	}
	if plain, err := url.PathUnescape(name); err == nil && plain != m.Deployment {
		return a.fail("deployment is %s, but base_url names %s; leave one of them out", shown.Name(m.Deployment), shown.Name(plain))
	}
	return nil
}

// at is the address with another path and api-version.
func (a *azureAddress) at(path, version string) string {
	query := a.query
	if version != "" {
		query = append(query[:len(query):len(query)], azureParam+"="+url.QueryEscape(version))
	}
	text := a.url.Scheme + "://" + a.url.Host + a.prefix + path
	if len(query) > 0 {
		text += "?" + strings.Join(query, "&")
	}
	return text
}

// shown is a base_url for messages.
func (a *azureAddress) shown(prefix, path string) string {
	return shown.URL(a.url.Scheme + "://" + a.url.Host + prefix + path)
}
