package config

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/setting"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/llm"
)

// checkKey refuses what is pasted around a key and would be sent with it: no
// vendor's key has blanks, quotes or a scheme around it. The key itself is not
// repeated.
func checkKey(where, key string) error {
	if strings.TrimFunc(key, llm.IsBlank) != key {
		return llm.Errorf(llm.InvalidArgument, "%s: api_key begins or ends with white space or a line end; remove it (often it comes from the file or variable that holds the key)", where)
	}
	if strings.Trim(key, "\"'`") != key {
		return llm.Errorf(llm.InvalidArgument, "%s: api_key begins or ends with a quote; remove the quotes", where)
	}
	if scheme, _, found := strings.Cut(key, " "); found && strings.EqualFold(scheme, "bearer") {
		return llm.Errorf(llm.InvalidArgument, "%s: api_key begins with %q; remove it: llmagg adds it when it sends the key", where, scheme+" ")
	}
	if strings.Contains(key, ",") {
		return llm.Errorf(llm.InvalidArgument, "%s: api_key has a comma; expected one key (several: the list \"api_keys\")", where)
	}
	if key != "" && strings.Trim(key, "….") == "" {
		return llm.Errorf(llm.InvalidArgument, "%s: api_key is the sign of an example, \"…\"; write the vendor's key in its place", where)
	}
	if err := llm.CheckCredential(where+": api_key", key); err != nil {
		return err
	}
	if name := namedVariable(key); name != "" {
		return llm.Errorf(llm.InvalidArgument, "%s: api_key is the name of a variable; write \"${%s}\" for the variable's value", where, name)
	}
	if name, value, ok := strings.Cut(key, "="); ok && isKeyVariable(name) && strings.HasSuffix(name, "KEY") && strings.Trim(value, "=") != "" {
		return llm.Errorf(llm.InvalidArgument, "%s: api_key begins with a name and \"=\", as a file of variables has it; remove both", where)
	}
	return checkNoKey(where, key)
}

// checkNoKey refuses what stands in the place of a key: a program's word for
// nothing, another library's reference to a variable, an example's words. What
// people give to a server that wants any key ("none", "EMPTY") passes.
func checkNoKey(where, key string) error {
	switch key {
	case "None", "null", "undefined", "nil", "<nil>", "NaN", "NULL":
		return llm.Errorf(llm.InvalidArgument, "%s: api_key is the text %q, which a program writes for a value that is not there; set the variable or setting that it comes from, or leave api_key out where the server needs none", where, key)
	}
	if strings.HasPrefix(key, "https://") || strings.HasPrefix(key, "http://") {
		return llm.Errorf(llm.InvalidArgument, "%s: api_key is an address; it belongs in base_url", where)
	}
	if name, ok := strings.CutPrefix(key, "os.environ/"); ok {
		if !isVariable(name) {
			name = "NAME"
		}
		return llm.Errorf(llm.InvalidArgument, "%s: api_key is another library's name of a variable; write \"${%s}\" for the variable's value", where, name)
	}
	if strings.HasPrefix(key, "${") && strings.HasSuffix(key, "}") {
		return llm.Errorf(llm.InvalidArgument, "%s: api_key is a reference to a variable that was not replaced; give the variable's value", where)
	}
	switch strings.Trim(suggest.Fold(key), "<>[]{}") {
	case "yourapikey", "yourapikeyhere", "insertyourapikeyhere", "apikey", "apikeyhere", "replaceme", "changeme":
		return llm.Errorf(llm.InvalidArgument, "%s: api_key is an example's text in the place of a key; write your own, or \"${NAME}\" for the value of a variable", where)
	}
	return nil
}

// checkModelName refuses a key and an address in the place of a model's name:
// swapped arguments put them there.
func (c Model) checkModelName() error {
	name := cmp.Or(c.Model, c.Name)
	switch {
	case strings.HasPrefix(name, "sk-") || strings.HasPrefix(name, "AIza") || strings.HasPrefix(name, "gsk_"):
		return llm.Errorf(llm.InvalidArgument, "provider %s: the name of a model looks like a key and is not shown; a key belongs in api_key (are two arguments swapped?)", c.Provider)
	case strings.HasPrefix(name, "https://") || strings.HasPrefix(name, "http://"):
		return llm.Errorf(llm.InvalidArgument, "provider %s: the name of a model is an address; it belongs in base_url (are two arguments swapped?)", c.Provider)
	}
	return nil
}

// CheckNames refuses names that hold one of the model's own keys: names stand
// in every error, trail and metric.
func (c Model) CheckNames() error {
	for _, key := range append([]string{c.APIKey}, c.APIKeys...) {
		if !shown.Key(key) {
			continue
		}
		for _, n := range [][2]string{{"provider", c.Provider}, {"model", c.Name}, {"model", c.Model}} {
			if strings.Contains(n[1], key) {
				return llm.Errorf(llm.InvalidArgument, "the name of a %s holds its api_key and is not shown; names stand in logs and errors, so give it another (are two arguments swapped?)", n[0])
			}
		}
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

// keyed is the setting that gives the key.
func (c Model) keyed() string {
	if len(c.APIKeys) > 0 {
		return "api_keys"
	}
	return "api_key"
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
	items, err := jsontext.ItemsOf(v)
	if err != nil {
		return at.fail("%q must be a list of strings, got %s", at.key, kindOfValue(v)) // the values are keys: not repeated
	}
	keys := make([]string, len(items))
	for i, item := range items {
		if item[0] != '"' || llm.JSON.Unmarshal(item, &keys[i]) != nil {
			return at.fail("%s[%d] must be a string, got %s", at.key, i, kindOfValue(item))
		}
	}
	if len(keys) == 0 {
		return at.fail("%q is empty; expected at least one key", at.key)
	}
	if keys, err = at.known(keys); err != nil {
		return err
	}
	c.APIKey, c.APIKeys = "", keys
	delete(at.unset, "api_key")
	return nil
}

// known replaces the references in a list of keys. A key whose variable is not
// set, or empty, is left out with a warning if others are left.
func (at *place) known(keys []string) (known []string, err error) {
	var lost []string
	for i, key := range keys {
		one := at.inside(fmt.Sprintf("%s[%d]", at.key, i))
		value, err := one.expand(key)
		if err != nil {
			return nil, err
		}
		if value == "" && key != "" {
			one.note(fmt.Sprintf("%q refers to an environment variable that is empty", one.key))
		}
		why, missing := one.unset[one.key]
		if delete(at.unset, one.key); missing {
			lost = append(lost, why)
			continue
		}
		known = append(known, value)
	}
	for _, why := range lost {
		if len(known) == 0 {
			at.note(why)
			continue
		}
		at.o.warn(at.what + ": " + why + "; the other keys are used")
	}
	return known, nil
}

func (at *place) oneKey() error {
	if at.keyed != "" && at.keyed != at.key {
		return at.fail("\"api_key\" and \"api_keys\" exclude each other; expected one of them")
	}
	at.keyed = at.key
	return nil
}

// namedVariable is the environment variable whose name a key is, in the words
// of a shell or of another program: $NAME, %NAME%, env:NAME, {{NAME}}; "" for
// none.
func namedVariable(key string) string {
	name := strings.TrimRight(key, "%})]'\"")
	name = name[strings.LastIndexFunc(name, func(c rune) bool { return !(c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_') })+1:]
	before, _, _ := strings.Cut(key, name)
	switch strings.ToLower(strings.Trim(before, "'\"")) {
	case "$", "%", "{", "{{", "{$", "env:", "env.", "env/", "env[", "{env:", "$env:", "$(", "process.env.", "os.environ[", "os.getenv(":
		if isKeyVariable(name) {
			return name
		}
	}
	return ""
}

// isKeyVariable tells whether a text has the form of an environment variable's
// name.
func isKeyVariable(name string) bool {
	return len(name) > 2 && strings.Contains(name, "_") && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}

// Settings are all tables of settings.
type Settings struct {
	// Options belong to one call.
	Options []setting.Setting `json:"options"`
	// Configuration are the keys of a model, and of a provider for all of its
	// models.
	Configuration []setting.Setting `json:"configuration"`
	// Request are the fields of a request that are passed on without
	// "extra_body": those of chat completions and those of well-known vendors.
	Request []setting.Setting `json:"request"`
}

// AllSettings gives the tables; the result is the caller's own.
func AllSettings() Settings {
	s := Settings{Options: llm.OptionSettings(), Request: llm.RequestSettings()}
	for _, c := range keySettings {
		s.Configuration = append(s.Configuration, c.Setting)
	}
	s.Configuration = append(append(s.Configuration, fleetSettings...), bulkSettings...)
	return s
}
