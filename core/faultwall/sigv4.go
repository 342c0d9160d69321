package faultwall

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// This file verifies signatures as AWS does ("Signature Version 4 signing
// process"). It shares no code with what signs.

// AWSSecret is the secret of every AWS access key at the wall.
const AWSSecret = "wall-secret"

const (
	awsScheme = "AWS4-HMAC-SHA256 "
	awsSkew   = 5 * time.Minute // by which a signature's time may differ
)

// awsKey is the access key that a request was signed with; "" for none.
func awsKey(r *http.Request) string {
	id, _, _ := strings.Cut(awsField(r, "Credential"), "/")
	return id
}

// awsField is a part of the Authorization header.
func awsField(r *http.Request, name string) string {
	rest, ok := strings.CutPrefix(r.Header.Get("Authorization"), awsScheme)
	if !ok {
		return ""
	}
	for part := range strings.SplitSeq(rest, ",") {
		if key, value, _ := strings.Cut(strings.TrimSpace(part), "="); key == name {
			return value
		}
	}
	return ""
}

// checkAWS is what AWS refuses whatever the script says: a request without a
// key, or whose signature is wrong, or was made at another time than now.
func checkAWS(r *http.Request, body []byte, now time.Time) *Step {
	given := r.Header.Get("Authorization")
	switch {
	case given == "":
		return awsRefusal(http.StatusForbidden, "MissingAuthenticationTokenException", "Missing Authentication Token")
	case !strings.HasPrefix(given, awsScheme):
		return nil // an API key of Bedrock's
	}
	scope := strings.Split(awsField(r, "Credential"), "/")
	date := r.Header.Get("X-Amz-Date")
	at, err := time.Parse("20060102T150405Z", date)
	if len(scope) != 5 || err != nil || scope[1] != date[:8] || scope[4] != "aws4_request" || !strings.HasPrefix(scope[3], "bedrock") {
		return awsRefusal(http.StatusForbidden, "IncompleteSignatureException", "Authorization header requires a credential scope and an X-Amz-Date of the same day.")
	}
	stamp := func(t time.Time) string { return t.UTC().Format("20060102T150405Z") }
	if at.Before(now.Add(-awsSkew)) {
		return awsRefusal(http.StatusForbidden, "InvalidSignatureException", fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - 5 min.)", date, stamp(now.Add(-awsSkew)), stamp(now)))
	}
	if at.After(now.Add(awsSkew)) {
		return awsRefusal(http.StatusForbidden, "InvalidSignatureException", fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + 5 min.)", date, stamp(now.Add(awsSkew)), stamp(now)))
	}
	if want := awsSignature(r, body, scope, date); !hmac.Equal([]byte(want), []byte(awsField(r, "Signature"))) {
		return awsRefusal(http.StatusForbidden, "InvalidSignatureException", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	return nil
}

// awsSignature is the signature that the request should have.
func awsSignature(r *http.Request, body []byte, scope []string, date string) string {
	hash := sha256.Sum256(body)
	canonical := r.Method + "\n" + strings.ReplaceAll(url.PathEscape(r.URL.EscapedPath()), "%2F", "/") + "\n" + awsQuery(r.URL.RawQuery) + "\n"
	names := awsField(r, "SignedHeaders")
	for name := range strings.SplitSeq(names, ";") {
		value := strings.Join(r.Header.Values(name), ",")
		if name == "host" {
			value = r.Host
		}
		canonical += name + ":" + strings.Join(strings.Fields(value), " ") + "\n"
	}
	canonical += "\n" + names + "\n" + hex.EncodeToString(hash[:])
	hash = sha256.Sum256([]byte(canonical))
	key := []byte("AWS4" + AWSSecret)
	sum := func(text string) []byte {
		h := hmac.New(sha256.New, key)
		_, _ = h.Write([]byte(text)) // a hash takes everything
		return h.Sum(nil)
	}
	for _, part := range scope[1:] {
		key = sum(part)
	}
	return hex.EncodeToString(sum("AWS4-HMAC-SHA256\n" + date + "\n" + strings.Join(scope[1:], "/") + "\n" + hex.EncodeToString(hash[:])))
}

func awsQuery(raw string) string {
	if raw == "" {
		return ""
	}
	pairs := strings.Split(raw, "&")
	for i, pair := range pairs {
		if !strings.Contains(pair, "=") {
			pairs[i] += "="
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}
