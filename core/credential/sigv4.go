package credential

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// This file signs requests as AWS wants it ("Signature Version 4 signing
// process"). AWS's own module does the same for 79 KB of the shared library.

const (
	sigV4Algorithm = "AWS4-HMAC-SHA256"
	sigV4Time      = "20060102T150405Z"
)

// signing is what a signature is made with.
type signing struct {
	keys    AWSKeys
	region  string
	service string
	now     time.Time
}

// sign writes the headers that authorize the request: its date, the session's
// token and the signature over host, Content-Type and every X-Amz header.
func (s *signing) sign(r *http.Request, body []byte) {
	h := r.Header
	date := s.now.UTC().Format(sigV4Time)
	h.Set("X-Amz-Date", date)
	h.Del("X-Amz-Security-Token")
	if s.keys.Session != "" {
		h.Set("X-Amz-Security-Token", s.keys.Session)
	}
	headers, names := canonicalHeaders(r)
	hash := sha256.Sum256(body)
	canonical := strings.Join([]string{r.Method, canonicalPath(r.URL), canonicalQuery(r.URL.RawQuery), headers, names, hex.EncodeToString(hash[:])}, "\n")
	scope := strings.Join([]string{date[:8], s.region, s.service, "aws4_request"}, "/")
	hash = sha256.Sum256([]byte(canonical))
	toSign := strings.Join([]string{sigV4Algorithm, date, scope, hex.EncodeToString(hash[:])}, "\n")
	key := []byte("AWS4" + s.keys.Secret)
	for _, part := range []string{date[:8], s.region, s.service, "aws4_request"} {
		key = mac(key, part)
	}
	h.Set("Authorization", sigV4Algorithm+" Credential="+s.keys.ID+"/"+scope+", SignedHeaders="+names+", Signature="+hex.EncodeToString(mac(key, toSign)))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// canonicalHeaders are the headers that are signed, a line for each, and the
// list of their names. Proxies may change the others.
func canonicalHeaders(r *http.Request) (lines, names string) {
	values := map[string]string{"host": r.Host}
	if r.Host == "" {
		values["host"] = r.URL.Host
	}
	for name, all := range r.Header {
		if name = strings.ToLower(name); name == "content-type" || strings.HasPrefix(name, "x-amz-") {
			trimmed := make([]string, len(all))
			for i, v := range all {
				trimmed[i] = strings.Join(strings.Fields(v), " ")
			}
			values[name] = strings.Join(trimmed, ",")
		}
	}
	sorted := make([]string, 0, len(values))
	for name := range values {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted)
	var b strings.Builder
	for _, name := range sorted {
		b.WriteString(name + ":" + values[name] + "\n")
	}
	return b.String(), strings.Join(sorted, ";")
}

// canonicalPath is the path, as it is sent, escaped once more: every service
// but S3 wants it so.
func canonicalPath(u *url.URL) string {
	path := u.EscapedPath()
	if path == "" {
		return "/"
	}
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		segments[i] = escaped(segment)
	}
	return strings.Join(segments, "/")
}

// canonicalQuery is the query, sorted by name and value.
func canonicalQuery(raw string) string {
	if raw == "" {
		return ""
	}
	var pairs []string
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(pair, "=")
		pairs = append(pairs, escapedAgain(name)+"="+escapedAgain(value))
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

// escapedAgain is a part of a query with AWS's escapes instead of its own.
func escapedAgain(text string) string {
	plain, err := url.QueryUnescape(text)
	if err != nil {
		plain = text
	}
	return escaped(plain)
}

// escaped escapes everything but letters, digits and "-_.~".
func escaped(text string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-_.~", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
	return b.String()
}
