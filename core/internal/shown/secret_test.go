package shown

import (
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
