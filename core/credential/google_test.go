package credential

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
)

// signer is a service account's key, and both of its PEM forms.
func signer(t *testing.T) (key *rsa.PrivateKey, pkcs8, pkcs1 string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	data, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: data})),
		string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

// verified checks a JSON web token as Google does, and gives its claims.
func verified(t *testing.T, key *rsa.PublicKey, token string) (claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3)
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	require.NoError(t, err)
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	require.NoError(t, rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature))
	head, err := base64.RawURLEncoding.DecodeString(parts[0])
	require.NoError(t, err)
	require.JSONEq(t, `{"alg":"RS256","typ":"JWT","kid":"key-1"}`, string(head))
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &claims))
	return claims
}

func account(t *testing.T, key, tokens string) string {
	t.Helper()
	data, err := json.Marshal(map[string]string{"type": "service_account", "project_id": "p-1", "private_key_id": "key-1", "private_key": key,
		"client_email": "me@p-1.iam.gserviceaccount.com", "token_uri": tokens})
	require.NoError(t, err)
	return string(data)
}

const aToken = `{"access_token":"ya29.token","expires_in":3599,"token_type":"Bearer"}`

func TestGoogleTokensAreFoundWhereItsLibrariesLook(t *testing.T) {
	key, pkcs8, pkcs1 := signer(t)
	at, seen := server(t, map[string]string{"POST /token": aToken, "GET " + googleAccount: aToken})
	found := func(t *testing.T, s *Secret, err error) {
		t.Helper()
		require.NoError(t, err)
		require.Equal(t, "ya29.token", s.Token)
		require.InDelta(t, 3599, time.Until(s.Expires).Seconds(), 30)
	}
	for name, spec := range map[string]Spec{
		"text":       {Credentials: account(t, pkcs8, at+"/token")},
		"file":       {Credentials: write(t, "account.json", account(t, pkcs8, at+"/token"))},
		"old key":    {Credentials: account(t, pkcs1, at+"/token")},
		"scope":      {Credentials: account(t, pkcs8, at+"/token"), Scope: "https://example.com/scope"},
		"in a place": {},
	} {
		t.Run("service account, "+name, func(t *testing.T) {
			spec.Type = Google
			began := time.Now()
			s, err := fetch(t, spec, map[string]string{googleVariable: write(t, "a.json", account(t, pkcs8, at+"/token"))})
			found(t, s, err)
			require.Equal(t, jwtGrant, seen["/token"].Get("Form-Grant_type"))
			claims := verified(t, &key.PublicKey, seen["/token"].Get("Form-Assertion"))
			require.Equal(t, "me@p-1.iam.gserviceaccount.com", claims["iss"])
			require.Equal(t, at+"/token", claims["aud"])
			require.Contains(t, []any{googleScope, spec.Scope}, claims["scope"])
			require.InDelta(t, began.Unix()-10, claims["iat"], 30)
			require.InDelta(t, 3600, claims["exp"].(float64)-claims["iat"].(float64), 0)
		})
	}
	t.Run("service account, text in the variable", func(t *testing.T) {
		s, err := fetch(t, Spec{Type: Google}, map[string]string{googleVariable: account(t, pkcs8, at+"/token")})
		found(t, s, err)
	})
	t.Run("user", func(t *testing.T) {
		home := t.TempDir()
		require.NoError(t, os.MkdirAll(filepath.Join(home, ".config", "gcloud"), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(home, ".config", "gcloud", "application_default_credentials.json"),
			[]byte(`{"type":"authorized_user","client_id":"id","client_secret":"s3cret","refresh_token":"1//refresh","quota_project_id":"p-2","token_uri":"`+at+`/token"}`), 0o600))
		environment := map[string]string{"HOME": home}
		s, err := fetch(t, Spec{Type: Google}, environment)
		found(t, s, err)
		require.Equal(t, "1//refresh", seen["/token"].Get("Form-Refresh_token"))
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		(&Authorizer{}).Authorize(r, nil, s)
		require.Equal(t, "Bearer ya29.token", r.Header.Get("Authorization"))
		require.Equal(t, "p-2", r.Header.Get("X-Goog-User-Project"))
		require.Equal(t, "p-2", GoogleProject("", func(name string) (string, bool) { v, ok := environment[name]; return v, ok }))
	})
	t.Run("metadata server", func(t *testing.T) {
		s, err := fetch(t, Spec{Type: Google}, map[string]string{"HOME": t.TempDir(), "GCE_METADATA_HOST": strings.TrimPrefix(at, "http://"), "http_proxy": "http://127.0.0.1:1"})
		found(t, s, err)
		require.Equal(t, "Google", seen[googleAccount].Get("Metadata-Flavor"))
	})
	require.Equal(t, "p-1", GoogleProject(account(t, pkcs8, ""), nil))
}

func TestWhatIsWrongWithGoogleCredentialsIsSaid(t *testing.T) {
	_, pkcs8, _ := signer(t)
	for name, c := range map[string]struct {
		spec        Spec
		environment map[string]string
		message     string
	}{
		"nothing":       {Spec{}, map[string]string{"HOME": t.TempDir(), "GCE_METADATA_HOST": "127.0.0.1:1"}, "set GOOGLE_APPLICATION_CREDENTIALS to the file of a service account"},
		"no such file":  {Spec{}, map[string]string{googleVariable: "/nowhere/x.json"}, "GOOGLE_APPLICATION_CREDENTIALS cannot be read: open \"/nowhere/x.json\""},
		"no JSON":       {Spec{Credentials: "{words"}, nil, "auth.credentials is not the JSON of Google's credentials"},
		"federation":    {Spec{Credentials: `{"type":"external_account"}`}, nil, `auth.credentials has the type "external_account", of which llmagg makes no tokens; expected service_account`},
		"impersonation": {Spec{Credentials: `{"type":"impersonated_service_account"}`}, nil, `"impersonated_service_account", of which llmagg makes no tokens; expected service_account or authorized_user, or "auth": {"type": "function", …} with a function`},
		"no type":       {Spec{Credentials: `{}`}, nil, `has the type "", of which`},
		"no PEM":        {Spec{Credentials: account(t, "secret-words", "https://example.com/t")}, nil, "a private_key that is no PEM text"},
		"torn key":      {Spec{Credentials: account(t, strings.Replace(pkcs8, "MII", "MIJ", 1), "")}, nil, "is no RSA key"},
		"no RSA":        {Spec{Credentials: account(t, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})), "")}, nil, "is no RSA key"},
		"plain address": {Spec{Credentials: account(t, pkcs8, "http://example.com/token")}, nil, "token_uri that is no https URL"},
		"user, nothing": {Spec{Credentials: `{"type":"authorized_user"}`}, nil, "gcloud auth application-default login"},
	} {
		c.spec.Type = Google
		_, err := fetch(t, c.spec, c.environment)
		require.Equal(t, llm.Authentication, llm.CodeOfError(err), name)
		require.ErrorContains(t, err, c.message, name)
		require.NotContains(t, err.Error(), "{words", name)
		require.NotContains(t, err.Error(), "secret-words", name)
	}
}

// A refusal is repeated, with what the clock has to do with it.
func TestATokenServersRefusalIsRepeated(t *testing.T) {
	_, pkcs8, _ := signer(t)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(-30*time.Minute).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant","error_description":"Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."}`))
	}))
	t.Cleanup(s.Close)
	_, err := fetch(t, Spec{Type: Google, Credentials: account(t, pkcs8, s.URL+"/token")}, nil)
	require.Equal(t, llm.Authentication, llm.CodeOfError(err))
	require.ErrorContains(t, err, s.URL+"/token gives no credential: ")
	require.ErrorContains(t, err, "Token must be a short-lived token")
	require.ErrorContains(t, err, "this machine's clock is 1800 s ahead of the server's: set the clock")
}

// Signatures are those of crypto/rsa, byte for byte, for keys of any length.
func TestSignaturesAreThoseOfTheStandardLibrary(t *testing.T) {
	for _, bits := range []int{1024, 1031, 2048, 3072} {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		require.NoError(t, err)
		own, err := readKey(string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})))
		require.NoError(t, err)
		for _, text := range []string{"", "a text", strings.Repeat("long ", 1000)} {
			digest := sha256.Sum256([]byte(text))
			want, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
			require.NoError(t, err)
			signature, err := own.sign(text)
			require.NoError(t, err)
			require.Equal(t, want, signature, bits)
		}
		own.D.Add(own.D, big.NewInt(2))
		_, err = own.sign("x")
		require.ErrorIs(t, err, errNoRSA)
	}
}

// What a token server answers goes nowhere else: a redirect is a failure.
func TestSecretsDoNotFollowARedirect(t *testing.T) {
	other, seen := server(t, map[string]string{"POST /token": aToken, "GET /token": aToken})
	for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other+"/token", status) }))
		t.Cleanup(s.Close)
		for _, spec := range []Spec{{Type: Google, Credentials: `{"type":"authorized_user","client_id":"c","refresh_token":"r","token_uri":"` + s.URL + `/token"}`},
			{Type: Entra, TenantID: "t", ClientID: "c", ClientSecret: "s3cret"}} {
			_, err := fetch(t, spec, map[string]string{"AZURE_AUTHORITY_HOST": s.URL})
			require.Equal(t, llm.Authentication, llm.CodeOfError(err))
		}
	}
	require.Empty(t, seen)
}

// Whatever a token server says, and whatever a file holds: no panic, and no
// token that could not be sent.
func FuzzTokens(f *testing.F) {
	for _, seed := range []string{aToken, `{"access_token":"x","expires_in":"3599","expires_on":"1"}`, `{"type":"service_account","private_key":"-----BEGIN PRIVATE KEY-----\nMII=\n-----END PRIVATE KEY-----\n"}`, `[]`, `{`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := readToken(data, "the server", time.Now()); err == nil {
			require.NoError(t, llm.CheckHeaderValue("token", s.Token))
		}
		if file, err := readGoogle(data, "the file"); err == nil {
			if _, err := file.sign(map[string]any{"iss": "me"}); err != nil {
				require.Equal(t, llm.Authentication, llm.CodeOfError(err))
			}
		}
	})
}
