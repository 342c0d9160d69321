package shown

import (
	"errors"
	"os"
	"strconv"
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
		"https://h.example/v1?Q7xSECRET&beta":                     "https://h.example/v1?***&beta",
		"https://h.example/v1?sk-abcdefgh12345678=1":              "https://h.example/v1?***=1",
		"": "",
	} {
		require.Equal(t, want, URL(address))
	}
	require.Equal(t, []string{"a%2Fbcdefgh", "a/bcdefgh"}, QuerySecrets("https://h.example/v1?x=a%2Fbcdefgh&model=gpt-4o-mini#y=12345678"))
}

// A key or a token in the place of a path is not repeated.
func TestFile(t *testing.T) {
	_, err := os.Open("/nowhere/ca.pem")
	require.Equal(t, `open "/nowhere/ca.pem": no such file or directory`, File(err))
	for _, secret := range []string{"sk-abcdefgh12345678", "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.e30.x", "/run/eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ",
		"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----", "-----begin private key-----", "MIIEvQIBADANBg\nkqhkiG9w"} {
		_, err := os.Open(secret)
		require.NotContains(t, File(err), secret)
		require.Contains(t, File(err), "no such file")
	}
	_, err = os.Open("/nowhere/disk-1/a1b2c3d4e5f6a7b8c9d0e1/ca.pem")
	require.Contains(t, File(err), "/ca.pem")
	require.Equal(t, "another", File(errors.New("another")))
}

// A key in the place of a host is none; names of hosts are.
func TestHost(t *testing.T) {
	for _, key := range []string{"sk-proj-Abc123", "AKIAIOSFODNN7EXAMPLE", "a1b2c3d4e5f6a7b8c9d0e1", "eyJhbGciOiJSUzI1NiJ9.e30.x"} {
		require.True(t, SecretHost(key), key)
		require.NotContains(t, Host(key), key)
	}
	for _, host := range []string{"disk-1", "task-1.example", "sk-1.example", "proxy", "127.0.0.1", "::1", "a1b2c3d4e5f6a7b8c9d0e1.example", "ip-10-0-0-1.ec2.internal"} {
		require.Equal(t, host, Host(host))
	}
}

// A mark of a key counts where a word begins: there are task-1 and disk_usage.
func TestMarksBeginWords(t *testing.T) {
	for _, name := range []string{"task-1.jsonl", "data/risk-notes.csv", "disk_usage", "ask-model", "wxai-1", "Task-1", "3sk-1"} {
		require.Equal(t, strconv.Quote(name), Path(name))
		require.Equal(t, name, Bare(name))
	}
	require.Equal(t, `"task-list"`, Text("task-list"))
	for _, name := range []string{"sk-1", "SK-1", "my sk-1", "x=sk-1", "key_sk-1", "a/sk-1.jsonl", "täsk sk-1", "task-sk-1", "Bearer x", "ésk-1"} {
		require.Contains(t, Path(name), "not shown", name)
		require.Contains(t, Bare(name), "not shown", name)
	}
}
