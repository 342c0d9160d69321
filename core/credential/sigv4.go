package credential

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/llmagg/llmagg/core/llm"
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
	last    *atomic.Pointer[dayKey] // of the same region and service
}

// dayKey is what signatures of one day are made with. It takes four hashes, so
// it is kept.
type dayKey struct {
	keys AWSKeys
	day  int64     // since the Unix epoch
	pens sync.Pool // of *pen
}

// pen is what one signature after another is made with.
type pen struct {
	mac    hash.Hash // by the day's key
	text   []byte    // room
	second int64     // of date, since the Unix epoch
	date   string
}

// key is the key of the day.
func (s *signing) key() *dayKey {
	day := s.now.Unix() / (24 * 60 * 60)
	if last := s.last.Load(); last != nil && last.day == day && last.keys == s.keys {
		return last
	}
	key := []byte("AWS4" + s.keys.Secret)
	for _, part := range []string{s.now.UTC().Format(sigV4Time)[:8], s.region, s.service, "aws4_request"} {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(part))
		key = h.Sum(nil)
	}
	made := &dayKey{keys: s.keys, day: day}
	made.pens.New = func() any { return &pen{mac: hmac.New(sha256.New, key), text: make([]byte, 0, 512)} }
	s.last.Store(made)
	return made
}

// sign writes the headers that authorize the request: its date, the session's
// token and the signature over host, Content-Type and every X-Amz header.
func (s *signing) sign(r *http.Request, body []byte) {
	key := s.key()
	p := key.pens.Get().(*pen)
	defer key.pens.Put(p)
	if now := s.now.Unix(); p.date == "" || p.second != now {
		p.second, p.date = now, s.now.UTC().Format(sigV4Time)
	}
	h := r.Header
	h.Set("X-Amz-Date", p.date)
	h.Del("X-Amz-Security-Token")
	if s.keys.Session != "" {
		h.Set("X-Amz-Security-Token", s.keys.Session)
	}
	signed := signedHeaders(r)
	hash := sha256.Sum256(body)
	text := append(append(p.text[:0], r.Method...), '\n')
	text = append(append(text, canonicalPath(r.URL)...), '\n')
	text = append(append(text, canonicalQuery(r.URL.RawQuery)...), '\n')
	for _, h := range signed {
		text = append(append(append(append(text, h.name...), ':'), h.value...), '\n')
	}
	text = append(appendNames(append(text, '\n'), signed), '\n')
	text = hex.AppendEncode(text, hash[:])
	hash = sha256.Sum256(text)

	scope := p.date[:8] + "/" + s.region + "/" + s.service + "/aws4_request"
	text = append(append(text[:0], sigV4Algorithm+"\n"...), p.date...)
	text = append(append(append(text, '\n'), scope...), '\n')
	text = hex.AppendEncode(text, hash[:])
	p.mac.Reset()
	p.mac.Write(text)
	signature := p.mac.Sum(text[:0])

	at := len(signature)
	text = append(append(append(append(signature, sigV4Algorithm+" Credential="...), s.keys.ID...), '/'), scope...)
	text = appendNames(append(text, ", SignedHeaders="...), signed)
	text = hex.AppendEncode(append(text, ", Signature="...), text[:at])
	h.Set("Authorization", string(text[at:]))
	p.text = text
}

// signedHeader is a header that is signed, its name in lower case.
type signedHeader struct{ name, value string }

// signedHeaders are the headers that are signed, in order. Proxies may change
// the others.
func signedHeaders(r *http.Request) []signedHeader {
	signed := append(make([]signedHeader, 0, 4), signedHeader{"host", cmp.Or(r.Host, r.URL.Host)})
	for name, all := range r.Header {
		switch {
		case name == "Content-Type":
			signed = append(signed, signedHeader{"content-type", trimmed(all)})
		case name == "X-Amz-Date":
			signed = append(signed, signedHeader{"x-amz-date", trimmed(all)})
		case strings.HasPrefix(name, "X-Amz-"):
			signed = append(signed, signedHeader{strings.ToLower(name), trimmed(all)})
		}
	}
	for i := range signed { // they are few; slices.SortFunc would add 10 KB to the library
		for k := i; k > 0 && signed[k].name < signed[k-1].name; k-- {
			signed[k], signed[k-1] = signed[k-1], signed[k]
		}
	}
	return signed
}

// trimmed is a header's values with single spaces.
func trimmed(all []string) string {
	if len(all) == 1 && !strings.ContainsFunc(all[0], unicode.IsSpace) {
		return all[0]
	}
	single := make([]string, len(all))
	for i, v := range all {
		single[i] = strings.Join(strings.Fields(v), " ")
	}
	return strings.Join(single, ",")
}

// appendNames appends the list of the names.
func appendNames(dst []byte, signed []signedHeader) []byte {
	for i, h := range signed {
		if i > 0 {
			dst = append(dst, ';')
		}
		dst = append(dst, h.name...)
	}
	return dst
}

// canonicalPath is the path, as it is sent, escaped once more: every service
// but S3 wants it so.
func canonicalPath(u *url.URL) string {
	path := u.EscapedPath()
	if path == "" {
		return "/"
	}
	return escaped(path, "-_.~/")
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
	return escaped(plain, "-_.~")
}

// escaped escapes everything but letters, digits and the plain characters.
func escaped(text, plain string) string {
	const digits = "0123456789ABCDEF"
	b := make([]byte, 0, len(text)+16)
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte(plain, c) >= 0:
			b = append(b, c)
		default:
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(b)
}

// mostSkew is by how much clocks may differ before a signature is refused for
// that (AWS: five minutes).
const mostSkew = 4 * time.Minute

// skewWords are in refusals of a signature that may be the clock's fault.
var skewWords = []string{"signatureexpired", "requesttimetooskewed", "requestexpired", "invalidsignature", "signaturedoesnotmatch", "signature expired", "signature not yet current"}

// skewed tells whether the request that e refuses was signed at another time
// than the server's, and whether it is to be signed again, by the server's
// clock.
func (a *Authorizer) skewed(head http.Header, e *llm.Error) (again, skewed bool) {
	said := strings.ToLower(e.Type + " " + e.ProviderCode + " " + e.ProviderMessage)
	found := false
	for _, word := range skewWords {
		found = found || strings.Contains(said, word)
	}
	server, err := http.ParseTime(head.Get("Date"))
	if !found || err != nil {
		return false, false
	}
	skew := time.Until(server).Round(time.Second)
	if before := time.Duration(a.skew.Load()); (skew - before).Abs() >= mostSkew { // also where the clock has been set right
		a.skew.Store(int64(skew))
		return true, true
	}
	if skew.Abs() < mostSkew {
		return false, false
	}
	e.Message += wrongClock(skew)
	return false, true
}

// wrongClock is the end of a message; skew is by how much the server is ahead.
func wrongClock(skew time.Duration) string {
	direction := "behind"
	if skew < 0 {
		direction = "ahead of"
	}
	return fmt.Sprintf("; this machine's clock is %v %s the server's: set the clock", llm.Seconds(skew.Abs().Round(time.Minute)), direction)
}

// clock is what a refusal with the given head may owe to this machine's clock;
// "" where the clocks agree.
func clock(head http.Header) string {
	server, err := http.ParseTime(head.Get("Date"))
	if skew := time.Until(server).Round(time.Second); err == nil && skew.Abs() >= mostSkew {
		return wrongClock(skew)
	}
	return ""
}
