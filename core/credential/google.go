package credential

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
)

// Addresses and the scope of Google's tokens.
const (
	googleTokens   = "https://oauth2.googleapis.com/token"
	googleScope    = "https://www.googleapis.com/auth/cloud-platform"
	googleMetadata = "metadata.google.internal"
	googleAccount  = "/computeMetadata/v1/instance/service-accounts/default/token"
	googleVariable = "GOOGLE_APPLICATION_CREDENTIALS"
	jwtGrant       = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	jwtTime        = time.Hour        // the longest that Google takes
	jwtBefore      = 10 * time.Second // by which clocks may differ
)

// google finds Google's tokens where its own libraries look (Google Cloud docs,
// "How Application Default Credentials works"): in a file that the
// configuration or the environment names, in that of gcloud, and at the
// metadata server.
type google struct {
	Options
	held atomic.Pointer[[]string] // secrets of the file that was read last
}

func (g *google) secrets() []string {
	if held := g.held.Load(); held != nil {
		return slices.Clone(*held)
	}
	return nil
}

// googleFile is a file with credentials, of a service account or of a user.
type googleFile struct {
	Type         string `json:"type"`
	ProjectID    string `json:"project_id"`
	PrivateKeyID string `json:"private_key_id"`
	PrivateKey   string `json:"private_key"`
	ClientEmail  string `json:"client_email"`
	TokenURI     string `json:"token_uri"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	RefreshToken string `json:"refresh_token"`
	QuotaProject string `json:"quota_project_id"`

	name string // of the file, for messages
}

func (g *google) fetch(ctx context.Context) (*Secret, error) {
	f, err := g.file()
	if errors.Is(err, errNone) {
		return g.fromMetadata(ctx, reason(err))
	}
	if err != nil {
		return nil, err
	}
	g.held.Store(&[]string{f.PrivateKey, f.ClientSecret, f.RefreshToken})
	switch f.Type {
	case "service_account":
		return g.fromAccount(ctx, f)
	case "authorized_user":
		return g.fromUser(ctx, f)
	}
	return nil, llm.Errorf(llm.Authentication, "%s has the type %s, of which llmagg makes no tokens; expected service_account or authorized_user, or \"auth\": {\"type\": \"function\", …} with a function of the application that gives the token", f.name, shown.Name(f.Type))
}

// file reads the file with credentials: that of the configuration, which may
// hold its text instead, of the environment, or of gcloud.
func (o *Options) file() (*googleFile, error) {
	if text := o.Credentials; strings.HasPrefix(text, "{") {
		return readGoogle([]byte(text), "auth.credentials")
	}
	path, name := o.Credentials, "auth.credentials"
	if path == "" {
		path, name = o.getenv(googleVariable), googleVariable
		if strings.HasPrefix(path, "{") { // its text, as secrets of CI systems hold it
			return readGoogle([]byte(path), name)
		}
	}
	if path == "" {
		path, name = o.gcloudFile(), "gcloud's file"
		if path == "" {
			return nil, none("neither %s nor HOME is set", googleVariable)
		}
	}
	data, err := os.ReadFile(path) // anew each time: it may be replaced
	if name == "gcloud's file" && errors.Is(err, fs.ErrNotExist) {
		return nil, none("%s is not set, and %s does not exist", googleVariable, path)
	}
	if err != nil {
		return nil, llm.Errorf(llm.Authentication, "%s cannot be read: %s", name, shown.File(err))
	}
	return readGoogle(data, name+" ("+path+")")
}

// gcloudFile is where "gcloud auth application-default login" leaves its file.
func (o *Options) gcloudFile() string {
	folder := o.getenv("CLOUDSDK_CONFIG")
	if home := o.getenv("HOME"); folder == "" && home != "" {
		folder = filepath.Join(home, ".config", "gcloud")
	}
	if roaming := o.getenv("APPDATA"); folder == "" && roaming != "" {
		folder = filepath.Join(roaming, "gcloud")
	}
	if folder == "" {
		return ""
	}
	return filepath.Join(folder, "application_default_credentials.json")
}

func readGoogle(data []byte, name string) (*googleFile, error) {
	f := &googleFile{name: name}
	if err := llm.JSON.Unmarshal(data, f); err != nil { // the text may be a key: not repeated
		return nil, llm.Errorf(llm.Authentication, "%s is not the JSON of Google's credentials", name)
	}
	f.TokenURI = cmp.Or(f.TokenURI, googleTokens)
	if !safe(f.TokenURI) {
		return nil, llm.Errorf(llm.Authentication, "%s has a token_uri that is no https URL", name)
	}
	return f, nil
}

// GoogleProject is the project that the file with Google's credentials names;
// "" for none. credentials are those of the configuration.
func GoogleProject(credentials string, getenv func(string) (string, bool)) string {
	o := Options{Spec: Spec{Credentials: credentials}, Getenv: getenv}
	f, err := o.file()
	if err != nil {
		return ""
	}
	return cmp.Or(f.ProjectID, f.QuotaProject)
}

// fromAccount exchanges a text that the service account's key signs (Google
// identity docs, "Using OAuth 2.0 for Server to Server Applications").
func (g *google) fromAccount(ctx context.Context, f *googleFile) (*Secret, error) {
	now := time.Now().Add(-jwtBefore)
	signed, err := f.sign(map[string]any{"iss": f.ClientEmail, "scope": cmp.Or(g.Scope, googleScope), "aud": f.TokenURI, "iat": now.Unix(), "exp": now.Add(jwtTime).Unix()})
	if err != nil {
		return nil, err
	}
	return g.token(ctx, f.TokenURI, url.Values{"grant_type": {jwtGrant}, "assertion": {signed}})
}

// sign makes a JSON web token (RFC 7519) with the algorithm RS256.
func (f *googleFile) sign(claims map[string]any) (string, error) {
	key, err := readKey(f.PrivateKey)
	text := segment(map[string]any{"alg": "RS256", "typ": "JWT", "kid": f.PrivateKeyID}) + "." + segment(claims)
	var signature []byte
	if err == nil {
		signature, err = key.sign(text)
	}
	if err != nil {
		return "", llm.Errorf(llm.Authentication, "%s has a private_key that is %v", f.name, err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

func segment(values map[string]any) string {
	return base64.RawURLEncoding.EncodeToString(llm.JSONOf(values))
}

// fromUser renews the token of the user who logged in with gcloud.
func (g *google) fromUser(ctx context.Context, f *googleFile) (*Secret, error) {
	if f.RefreshToken == "" || f.ClientID == "" {
		return nil, llm.Errorf(llm.Authentication, "%s has no refresh_token or no client_id; log in again: gcloud auth application-default login", f.name)
	}
	s, err := g.token(ctx, f.TokenURI, url.Values{"grant_type": {"refresh_token"}, "client_id": {f.ClientID}, "client_secret": {f.ClientSecret}, "refresh_token": {f.RefreshToken}})
	if err != nil {
		return nil, err
	}
	s.Project = f.QuotaProject
	return s, nil
}

// fromMetadata asks the metadata server of a machine or container at Google.
func (g *google) fromMetadata(ctx context.Context, looked string) (*Secret, error) {
	host := cmp.Or(g.getenv("GCE_METADATA_HOST"), googleMetadata)
	address := "http://" + host + googleAccount
	if g.Scope != "" {
		address += "?scopes=" + url.QueryEscape(g.Scope)
	}
	s, err := g.askMachine(ctx, address, "the metadata server", "Metadata-Flavor", "Google")
	if errors.Is(err, errNone) {
		return nil, llm.Errorf(llm.Authentication, "no Google credentials were found (file: %s; metadata server: %s); set %s to the file of a service account, or \"auth\": {\"type\": \"google\", \"credentials\": …} in the configuration, or run: gcloud auth application-default login",
			looked, reason(err), googleVariable)
	}
	return s, err
}
