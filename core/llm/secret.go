package llm

import (
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
