package shown

import (
	"iter"
	"net/url"
	"slices"
	"strings"
)

// secretParts are the parts of a name, in lower case, that say that its value
// is a secret. A part is whole: "x-portkey-provider" has none.
var secretParts = strings.Fields("key apikey accesskey secretkey privatekey appkey licensekey subscriptionkey functionskey apikeys " +
	"token apitoken accesstoken authtoken sessiontoken idtoken refreshtoken bearer jwt " +
	"auth authorization authentication authenticate credential credentials cookie cookies " +
	"secret secrets clientsecret appsecret apisecret password passwd passphrase pwd signature sig hmac")

// NamesSecret tells whether the name of a header, a query's parameter or a key
// of a configuration says that its value is a secret.
func NamesSecret(name string) bool {
	for part := range strings.FieldsFuncSeq(strings.ToLower(name), func(r rune) bool { return strings.ContainsRune("-_. ", r) }) {
		if slices.Contains(secretParts, part) {
			return true
		}
	}
	return false
}

// openParameters are parameters of a base_url that are told to everybody.
var openParameters = []string{"api-version", "apiversion", "version", "alt", "model", "deployment", "region", "location", "project", "beta"}

// hidesValue tells whether a parameter of a configured URL may be a secret,
// whatever it is called: gateways take keys as "code", "sas" or "k".
func hidesValue(name, value string) bool {
	switch {
	case len(value) < 4 || slices.Contains(openParameters, strings.ToLower(name)):
		return false
	case NamesSecret(name) || len(value) >= 8:
		return true
	}
	return strings.ToLower(value) != value || strings.ContainsAny(value, "0123456789")
}

// QuerySecrets are the values in a configured URL's query that may be secrets,
// as they stand there and as they read.
func QuerySecrets(address string) (secrets []string) {
	for value := range hiddenValues(address) {
		secrets = append(secrets, value)
		if plain, err := url.QueryUnescape(value); err == nil && plain != value {
			secrets = append(secrets, plain)
		}
	}
	return secrets
}

// PlaceSecrets are the host of a configured URL, if it may be a credential, and
// the parts of its path that begin as keys do. No other part of a path is taken
// for a key: accounts, gateways and projects have names of letters and digits.
func PlaceSecrets(address string) (secrets []string) {
	u, err := url.Parse(address)
	if err != nil {
		return nil
	}
	if host := u.Hostname(); SecretHost(host) {
		secrets = append(secrets, host, strings.ToLower(host))
	}
	for part := range strings.SplitSeq(u.EscapedPath(), "/") {
		if marked(part) {
			secrets = append(secrets, part)
		}
	}
	return secrets
}

// hiddenValues gives the values of the query that are not shown.
func hiddenValues(address string) iter.Seq[string] {
	return func(yield func(string) bool) {
		_, query, _ := strings.Cut(address, "?")
		query, _, _ = strings.Cut(query, "#")
		for item := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == ';' }) {
			name, value, valued := strings.Cut(item, "=")
			if !valued {
				name, value = "", item
			}
			if hidesValue(name, value) && !yield(value) || looksSecret(name) && !yield(name) {
				return
			}
		}
	}
}

// URL is a configured URL as messages show it: without the values and parts
// that may be secrets, and without credentials.
func URL(address string) string {
	for _, part := range PlaceSecrets(address) {
		address = strings.ReplaceAll(address, part, "***")
	}
	root, query, asked := strings.Cut(address, "?")
	scheme, host, ok := strings.Cut(root, "://")
	if !ok {
		scheme, host = "", root
	}
	authority, path, _ := strings.Cut(host, "/")
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		root = strings.TrimPrefix(scheme+"://", "://") + "***" + host[at:len(authority)] + strings.TrimSuffix("/"+path, "/")
	}
	if !asked {
		return root
	}
	query = "?" + query
	for value := range hiddenValues(query) {
		query = strings.ReplaceAll(query, value, "***")
	}
	return root + query
}
