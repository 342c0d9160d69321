package config

import (
	"strings"
	"unicode"

	"github.com/llmagg/llmagg/core/llm"
)

// checkKey refuses what is pasted around a key and would be sent with it: no
// vendor's key has blanks, quotes or a scheme around it. The key itself is not
// repeated.
func checkKey(where, key string) error {
	if strings.TrimFunc(key, isBlank) != key {
		return llm.Errorf(llm.InvalidArgument, "%s: api_key begins or ends with white space or a line end; remove it (often it comes from the file or variable that holds the key)", where)
	}
	if err := llm.CheckHeaderValue(where+": api_key", key); err != nil {
		return err
	}
	if len(key) >= 2 && strings.IndexByte("\"'`", key[0]) >= 0 && key[len(key)-1] == key[0] {
		return llm.Errorf(llm.InvalidArgument, "%s: api_key is in quotes (%c); remove them", where, key[0])
	}
	if scheme, _, found := strings.Cut(key, " "); found && strings.EqualFold(scheme, "bearer") {
		return llm.Errorf(llm.InvalidArgument, "%s: api_key begins with %q; remove it: llmagg adds it when it sends the key", where, scheme+" ")
	}
	return nil
}

// isBlank tells whether a character shows nothing: spaces of every sort, and
// what has no width.
func isBlank(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }
