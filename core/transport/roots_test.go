package transport_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/transport"
	"github.com/stretchr/testify/require"
)

// The authorities are those of the environment that the core is handed, as it
// is when the pool is made; where none is found, the error says what to set.
func TestAuthoritiesOfTheEnvironment(t *testing.T) {
	wall := func() (w *faultwall.Wall, ca string) {
		ca = filepath.Join(t.TempDir(), "ca.pem")
		w, err := faultwall.Start(faultwall.Script{}, faultwall.Options{TLS: true, CAFile: ca})
		require.NoError(t, err)
		t.Cleanup(w.Close)
		return w, ca
	}
	w, ca := wall()
	_, other := wall()
	empty := t.TempDir()
	garbage := filepath.Join(empty, "garbage.pem")
	require.NoError(t, os.WriteFile(garbage, []byte("none"), 0o600))
	dir := filepath.Dir(ca)
	for name, c := range map[string]struct {
		env    map[string]string
		caFile string
		want   []string // in the error; none: no error
	}{
		"a file":                  {env: map[string]string{"SSL_CERT_FILE": ca}},
		"a directory":             {env: map[string]string{"SSL_CERT_DIR": dir}},
		"directories":             {env: map[string]string{"SSL_CERT_DIR": empty + string(filepath.ListSeparator) + dir}},
		"both":                    {env: map[string]string{"SSL_CERT_FILE": ca, "SSL_CERT_DIR": empty}},
		"ca_file":                 {caFile: ca, env: map[string]string{"SSL_CERT_FILE": other}},
		"nothing":                 {want: []string{"certificate", "ca_file", "SSL_CERT_FILE", "SSL_CERT_DIR"}},
		"another file":            {env: map[string]string{"SSL_CERT_FILE": other}, want: []string{"certificate", "ca_file", "SSL_CERT_FILE"}},
		"no such file":            {env: map[string]string{"SSL_CERT_FILE": ca + "x"}, want: []string{"SSL_CERT_FILE cannot be read", ca + "x"}},
		"a key in its place":      {env: map[string]string{"SSL_CERT_FILE": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg", "SSL_CERT_DIR": "MIIEvQIBADANBg\nkqhk"}, want: []string{"SSL_CERT_FILE cannot be read: open a path that looks like a credential", "SSL_CERT_DIR cannot be read: open a path that looks like a credential"}},
		"a file without any":      {env: map[string]string{"SSL_CERT_FILE": garbage}, want: []string{"no PEM certificate"}},
		"no such directory":       {env: map[string]string{"SSL_CERT_DIR": dir + "x"}, want: []string{"SSL_CERT_DIR cannot be read"}},
		"a variable of others":    {env: map[string]string{"REQUESTS_CA_BUNDLE": ca}, want: []string{"ca_file", "REQUESTS_CA_BUNDLE is not read"}},
		"ca_file of someone else": {caFile: other, want: []string{"ca_file", "does not hold the certificate of the server's authority"}},
	} {
		t.Run(name, func(t *testing.T) {
			getenv := func(name string) (string, bool) { v, ok := c.env[name]; return v, ok }
			p := borrow(t, transport.Options{BaseURL: w.BaseURL(), CAFile: c.caFile, ConnectTimeout: 10 * time.Second, Getenv: getenv})
			_, err := chat(t.Context(), p)
			if c.want == nil {
				require.NoError(t, err)
				return
			}
			require.Equal(t, llm.Unavailable, llm.CodeOfError(err))
			for _, text := range c.want {
				require.ErrorContains(t, err, text)
			}
		})
	}
}

// What is set after a pool was made counts for the next one.
func TestAuthoritiesThatAreSetLater(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	w, err := faultwall.Start(faultwall.Script{}, faultwall.Options{TLS: true, CAFile: ca})
	require.NoError(t, err)
	t.Cleanup(w.Close)
	env := map[string]string{}
	getenv := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	for _, value := range []string{"", ca} {
		env["SSL_CERT_FILE"] = value
		_, err := chat(t.Context(), borrow(t, transport.Options{BaseURL: w.BaseURL(), ConnectTimeout: 10 * time.Second, Getenv: getenv}))
		require.Equal(t, value == "", err != nil, "%v", err)
	}
}
