package config

import (
	"fmt"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
)

// checkKey refuses what is pasted around a key and would be sent with it: no
// vendor's key has blanks, quotes or a scheme around it. The key itself is not
// repeated.
func checkKey(where, key string) error {
	if strings.TrimFunc(key, llm.IsBlank) != key {
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
	if name, ok := strings.CutPrefix(key, "$"); ok && isKeyVariable(name) {
		return llm.Errorf(llm.InvalidArgument, "%s: api_key is the name of a variable; write \"${%s}\" for the variable's value", where, name)
	}
	if name, value, ok := strings.Cut(key, "="); ok && isKeyVariable(name) && strings.HasSuffix(name, "KEY") && strings.Trim(value, "=") != "" {
		return llm.Errorf(llm.InvalidArgument, "%s: api_key begins with a name and \"=\", as a file of variables has it; remove both", where)
	}
	return nil
}

// CheckKeys checks APIKeys: each as APIKey, none twice, and not both.
func (c Model) CheckKeys() error {
	if len(c.APIKeys) == 0 {
		return nil
	}
	where := c.Provider + "/" + c.Name
	if c.APIKey != "" && c.APIKey != c.APIKeys[0] {
		return llm.Errorf(llm.InvalidArgument, "%s has api_key and api_keys; expected one of them", where)
	}
	seen := make(map[string]int, len(c.APIKeys))
	for i, key := range c.APIKeys {
		place := fmt.Sprintf("api_keys[%d]", i)
		if key == "" {
			return llm.Errorf(llm.InvalidArgument, "%s: %s is empty; expected a key", where, place)
		}
		if err := checkKey(where, key); err != nil {
			return llm.Errorf(llm.InvalidArgument, "%s", strings.Replace(llm.AsError(err).Message, "api_key", place, 1))
		}
		if other, twice := seen[key]; twice {
			return llm.Errorf(llm.InvalidArgument, "%s: %s is the same key as api_keys[%d]; remove one of them", where, place, other)
		}
		seen[key] = i
	}
	return nil
}

// setKey and setKeys replace each other where a model has its own; an object
// may hold only one of them.
func (c *Model) setKey(at *place, v []byte) error {
	if err := at.oneKey(); err != nil {
		return err
	}
	c.APIKeys = nil
	delete(at.unset, "api_keys")
	return text(func(c *Model) *string { return &c.APIKey })(c, at, v)
}

func (c *Model) setKeys(at *place, v []byte) error {
	if err := at.oneKey(); err != nil {
		return err
	}
	var keys []string
	if v[0] != '[' || llm.JSON.Unmarshal(v, &keys) != nil {
		return at.fail("%q must be a list of strings, got %s", at.key, kindOfValue(v)) // the values are keys: not repeated
	}
	if len(keys) == 0 {
		return at.fail("%q is empty; expected at least one key", at.key)
	}
	for i := range keys {
		var err error
		if keys[i], err = at.expand(keys[i]); err != nil {
			return err
		}
	}
	c.APIKey, c.APIKeys = "", keys
	delete(at.unset, "api_key")
	return nil
}

func (at *place) oneKey() error {
	if at.keyed != "" && at.keyed != at.key {
		return at.fail("\"api_key\" and \"api_keys\" exclude each other; expected one of them")
	}
	at.keyed = at.key
	return nil
}

// isKeyVariable tells whether a text is a name as environment variables have
// it.
func isKeyVariable(name string) bool {
	return len(name) > 2 && strings.Contains(name, "_") && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}
