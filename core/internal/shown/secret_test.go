package shown

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestURL(t *testing.T) {
	for address, want := range map[string]string{
		"https://h.example/v1": "https://h.example/v1",
		"https://h.example/v1?code=Q7xSECRET&api-version=2024-06": "https://h.example/v1?code=***&api-version=2024-06",
		"https://h.example?k=hunter2&alt=sse&debug=true":          "https://h.example?k=***&alt=sse&debug=true",
		"https://user:pw@h.example/v1?sig=abcd":                   "https://***@h.example/v1?sig=***",
		"user:pw@h.example:1":                                     "***@h.example:1",
		"":                                                        "",
	} {
		require.Equal(t, want, URL(address))
	}
	require.Equal(t, []string{"a%2Fbcdefgh", "a/bcdefgh"}, QuerySecrets("https://h.example/v1?x=a%2Fbcdefgh&model=gpt-4o-mini#y=12345678"))
}

// A key or a token in the place of a path is not repeated.
func TestFile(t *testing.T) {
	_, err := os.Open("/nowhere/ca.pem")
	require.Equal(t, "open /nowhere/ca.pem: no such file or directory", File(err))
	for _, secret := range []string{"sk-abcdefgh12345678", "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.e30.x", "/run/eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ"} {
		_, err := os.Open(secret)
		require.NotContains(t, File(err), secret)
		require.Contains(t, File(err), "no such file")
	}
	require.Equal(t, "another", File(errors.New("another")))
}
