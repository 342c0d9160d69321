package failure

import (
	"encoding/base64"
	"slices"
	"sort"
	"strings"

	"github.com/llmagg/llmagg/core/internal/shown"
)

// ShortestSecret is the shortest length that counts as a secret.
const ShortestSecret = 4

// HeaderSecrets are the values of headers whose names suggest a secret, and the
// parts of these values that servers repeat on their own.
func HeaderSecrets(headers map[string]string) (secrets []string) {
	add := func(s string) {
		if s = strings.Trim(s, `" `); len(s) >= ShortestSecret && !slices.Contains(secrets, s) {
			secrets = append(secrets, s)
		}
	}
	for name, value := range headers {
		if !shown.NamesSecret(name) {
			continue
		}
		add(value)
		lower := strings.ToLower(name)
		if strings.Contains(lower, "cookie") { // a=b; c=d
			for pair := range strings.SplitSeq(value, ";") {
				if _, v, ok := strings.Cut(pair, "="); ok {
					add(v)
				}
			}
			continue
		}
		// Servers repeat the token without its scheme ("Bearer …").
		scheme, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
		if i := strings.LastIndexByte(value, ' '); i >= 0 {
			add(value[i+1:])
		}
		if strings.EqualFold(scheme, "basic") {
			if plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest)); err == nil {
				add(string(plain))
				if _, password, ok := strings.Cut(string(plain), ":"); ok {
					add(password)
				}
			}
		}
	}
	// Longer secrets first: one may hold another.
	sort.SliceStable(secrets, func(i, k int) bool { return len(secrets[i]) > len(secrets[k]) })
	return secrets
}
