package failure

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// A server's text is one line in whatever it is shown (E2).
func TestTextsAreOneLine(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"plain":              {"It is so.", "It is so."},
		"a forged trail":     {"bad\n  2. other/route: OK\r\n", "bad 2. other/route: OK"},
		"tabs and blanks":    {" a \t\v\f  b ", "a b"},
		"other blanks":       {"a\u00a0\u3000b\u2028c\u2029d\u0085e", "a b c d e"},
		"NUL":                {"a\x00b", "a\uFFFDb"},
		"escape sequences":   {"a\x1b[2Jb\x9bc", "a\uFFFD[2Jb\uFFFDc"},
		"C1 as characters":   {"a\u009bb", "a\uFFFDb"},
		"delete":             {"a\x7fb", "a\uFFFDb"},
		"directions":         {"\u202egnp\u202c\u2066x\u2069\u200f\u061c", "\uFFFDgnp\uFFFD\uFFFDx\uFFFD\uFFFD\uFFFD"},
		"no width":           {"a\u200b\u2060\ufeff\u00adb", "a\uFFFD\uFFFD\uFFFD\uFFFDb"},
		"tags":               {"a\U000e0041\U000e0001b", "a\uFFFD\uFFFDb"},
		"not UTF-8":          {"caf\xe9!", "caf\uFFFD!"},
		"other languages":    {"Ärger 余额不足 🙂", "Ärger 余额不足 🙂"},
		"nothing":            {" \n ", ""},
		"cut at a character": {strings.Repeat("ä", 600), strings.Repeat("ä", 512) + "…"},
	} {
		t.Run(name, func(t *testing.T) {
			got := OneLine(c.text)
			require.Equal(t, c.want, got)
			require.True(t, utf8.ValidString(got))
			require.Equal(t, got, OneLine(got), "once more changes nothing")
		})
	}
	huge := OneLine(strings.Repeat("\n", 100<<20) + "x")
	require.LessOrEqual(t, len(huge), MaxMessage)
}

// Every text of an error that a server can write is one line; only the body is
// as it came.
func TestErrorsOfAnyOriginAreOneLine(t *testing.T) {
	const odd = "a\n2. b\x00\x1b[2J\u202e"
	e := Mask(&llm.Error{Message: odd, ProviderMessage: odd, Type: odd, ProviderCode: odd, RequestID: odd, Body: odd,
		Cause: &llm.Error{Message: odd}}, nil)
	for _, text := range []string{e.Message, e.ProviderMessage, e.Type, e.ProviderCode, e.RequestID, e.Cause.(*llm.Error).Message} {
		require.Equal(t, "a 2. b\uFFFD\uFFFD[2J\uFFFD", text)
	}
	require.Equal(t, odd, e.Body)

	cause := errors.New(odd)
	e = Mask(&llm.Error{Message: "m", Cause: cause}, nil)
	require.Equal(t, "a 2. b\uFFFD\uFFFD[2J\uFFFD", e.Cause.Error())
	require.ErrorIs(t, e, cause, "and is still what it was")
	require.Nil(t, Mask(&llm.Error{Message: "m", Cause: cause}, []string{"2. b"}).Cause)
}

// The message says which address was asked where that is likely the fault, and
// never more of it than scheme, host and path.
func TestMessagesNameTheAddress(t *testing.T) {
	asked, err := url.Parse("https://user:pw@host.example:8443/v1/chat/completions/chat/completions?key=k")
	require.NoError(t, err)
	const address = "https://host.example:8443/v1/chat/completions/chat/completions"
	for _, c := range []struct {
		status   int
		location string
		body     string
		named    bool
	}{
		{404, "", `{"detail":"Not Found"}`, true}, {404, "", "", true}, {405, "", `{"error":"no"}`, true}, {410, "", "", true}, {501, "", "", true},
		{404, "", `{"error":{"message":"The model does not exist"}}`, true},
		{301, "https://other.example/x?key=k", "", true}, {301, "", "", true}, {304, "", "", true}, {308, "/elsewhere", "", true},
		{403, "", "<html>Forbidden</html>", true}, {502, "", "<html>Bad Gateway</html>", true},
		{400, "", `{"error":{"message":"no"}}`, false}, {429, "", "slow", false}, {500, "", `{"error":"x"}`, false},
	} {
		resp := &http.Response{StatusCode: c.status, Header: http.Header{}, Request: &http.Request{URL: asked}}
		if c.location != "" {
			resp.Header.Set("Location", c.location)
		}
		e := Classify(c.status, resp.Header, []byte(c.body))
		text := WithAddress(e, resp, "")
		require.Equal(t, c.named, strings.Contains(text, " from "+address), "%d: %s", c.status, text)
		require.NotContains(t, text, "key=k")
		require.NotContains(t, text, "pw@")
	}
}

// Headers are secret by the whole parts of their names.
func TestHeadersWithSecrets(t *testing.T) {
	for _, name := range []string{"Authorization", "Proxy-Authorization", "X-Api-Key", "api-key", "X-Goog-Api-Key", "x_auth_token", "X-Client-Secret", "X-Secret", "X-Password",
		"X-Signature", "Cookie", "Set-Cookie", "X-Credential", "x-portkey-api-key", "Ocp-Apim-Subscription-Key", "X-ApiKey", "X-Access-Token", "cf-aig-authorization", "X-JWT"} {
		require.True(t, shown.NamesSecret(name), name)
	}
	for _, name := range []string{"x-portkey-provider", "x-monkey", "X-Tokenizer", "X-Author", "X-Max-Tokens", "X-Keyboard", "X-Secretary", "User-Agent", "X-Title", "HTTP-Referer", "X-Authentic"} {
		require.False(t, shown.NamesSecret(name), name)
	}
	require.Equal(t, []string{"Bearer sk-12345", "sk-12345"}, HeaderSecrets(map[string]string{"Authorization": "Bearer sk-12345"}))
	require.Contains(t, HeaderSecrets(map[string]string{"Authorization": "Basic dXNlcjpwYXNzd29yZA=="}), "password")
	require.Contains(t, HeaderSecrets(map[string]string{"Cookie": "theme=dark; session=abcdefgh"}), "abcdefgh")
}

// However a secret is spelled, it is masked; what is no secret stays.
func TestSecretsAreMaskedHoweverTheyAreSpelled(t *testing.T) {
	const secret = "sk-a+b/c&d=e"
	letters := func(form string, upper bool) string {
		var out strings.Builder
		for _, c := range []byte(secret) {
			digits := "0123456789abcdef"
			if upper {
				digits = strings.ToUpper(digits)
			}
			out.WriteString(strings.ReplaceAll(form, "X", string([]byte{digits[c>>4], digits[c&15]})))
		}
		return out.String()
	}
	for name, spelled := range map[string]string{
		"as it is":               secret,
		"JSON, letter by letter": letters(`\u00X`, false),
		"JSON, capitals":         letters(`\u00X`, true),
		"JSON in JSON":           letters(`\\u00X`, false),
		"JSON in JSON in JSON":   letters(`\\\\u00X`, false),
		"URL":                    letters(`%X`, true),
		"HTML":                   letters(`&#xX;`, false),
		"some of it":             `sk-\u0061+b\/c\u0026d=e`,
		"as a query":             url.QueryEscape(secret),
		"in a page":              `sk-a+b/c&amp;d=e`,
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, `{"k":"***", "n":1, "x":"\u0041"}`, maskText(`{"k":"`+spelled+`", "n":1, "x":"\u0041"}`, []string{secret}))
			require.Equal(t, "***", maskText(spelled, []string{secret}))
			for cut := range len(spelled) {
				kept := maskText(spelled[:cut]+"…", []string{secret})
				require.False(t, strings.Contains(readSpelled(kept).text, secret[:5]), "%q", kept)
			}
		})
	}
	for _, word := range []string{"openai_error", "xopenai", "openai-error", "openai.error"} {
		require.Equal(t, word, maskWord(word, []string{"openai"}))
	}
	require.Equal(t, "t *** t", maskWord("t sk-1234 t", []string{"sk-1234"}))
	require.Equal(t, "c-***", maskWord("c-sk-1234567890abcdef", []string{"sk-1234567890abcdef"}))
}

// Who says which model, function or endpoint is missing was asked at the right
// address.
func TestMessagesDoubtTheAddress(t *testing.T) {
	for body, doubted := range map[string]bool{
		"": true, "404 page not found": true, `{"detail":"Not Found"}`: true, `{"error":{"message":"Invalid URL (POST /v1/chat)","type":"invalid_request_error"}}`: true,
		`{"error":"Unexpected endpoint or method. (POST /chat/completions)"}`: true, `{"type":"error","error":{"type":"not_found_error","message":"Not found"}}`: true,
		`{"error":{"message":"The model does not exist"}}`: false, `{"error":{"code":404,"message":"No endpoints found for a/b:free."}}`: false,
		`{"status":404,"title":"Not Found","detail":"Function 'f': Not found for account 'a'"}`:                                         false,
		`{"error":{"code":"InvalidEndpoint.NotFound","message":"The request targeted an endpoint that does not exist or is invalid."}}`: false,
	} {
		resp := &http.Response{StatusCode: 404, Header: http.Header{}, Request: &http.Request{URL: &url.URL{Scheme: "http", Host: "h", Path: "/v1"}}}
		text := WithAddress(Classify(404, resp.Header, []byte(body)), resp, "")
		require.Equal(t, doubted, strings.Contains(text, "(is base_url right?)"), text)
	}
}
