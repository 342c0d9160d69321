package vendor

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/llm"
)

// This file chooses a vendor's site and finds its key in the environment. A key
// of the environment goes to the vendor's own servers only, or to where the
// environment, too, says that the vendor is; never to a base_url of somebody
// else that a configuration names.

// choose fills in the base URL and the key of m where it has none.
func (v *Vendor) choose(where string, m *Model, getenv func(string) (string, bool)) error {
	if m.Site != "" {
		if len(v.sites) == 0 {
			return llm.Errorf(llm.InvalidArgument, "%s: \"site\" is %s, but %s is in one place only; leave it out", where, shown.Name(m.Site), cmp.Or(v.name, m.Provider))
		}
		if !v.moveTo(strings.ToLower(m.Site)) {
			return llm.Errorf(llm.InvalidArgument, "%s: \"site\" is %s; %s has %s%s", where, shown.Name(m.Site), v.name, strings.Join(v.siteNames(), ", "), suggest.For(m.Site, v.siteNames()))
		}
		if v.baseURL == "" {
			return llm.Errorf(llm.InvalidArgument, "%s: %s has no endpoint of %s's format at the site %s", where, v.name, v.own, shown.Name(m.Site))
		}
		if host, own := At(m.BaseURL); m.BaseURL != "" && !(own && host.site == v.site) {
			return llm.Errorf(llm.InvalidArgument, "%s: \"site\" is %s, and base_url %s is another place; leave one of them out", where, shown.Name(m.Site), shownBase(m.BaseURL))
		}
	}
	usual, variable := v.baseURL, ""
	if m.Site == "" { // a site that is configured is not moved by the environment
		usual, variable = v.defaultBaseURL(getenv)
	}
	if m.BaseURL == "" {
		m.BaseURL, v.addressFrom = usual, variable
	}
	row, own := At(m.BaseURL)
	if _, whole := v.addressVariable(); m.BaseURL == usual && (!own || whole && v.keyOf(getenv) != "") { // its variables go together, wherever that is
		row, own, v.fromEnvironment = *v, true, !own
	}
	if err := checkKey(where+": api_key", m.APIKey); err != nil {
		return err
	}
	if own && m.APIKey == "" && !m.OwnAuth {
		v.key = row.keyOf(getenv)
		m.APIKey = v.key
	}
	return nil
}

// CheckKeys refuses the name of a vendor's variable in a list of keys.
func CheckKeys(where string, keys []string) error {
	for i, key := range keys {
		if err := checkKey(fmt.Sprintf("%s: api_keys[%d]", where, i), key); err != nil {
			return err
		}
	}
	return nil
}

func checkKey(where, key string) error {
	for each := range all() {
		if key != "" && slices.Contains(each.allKeys(), key) {
			return llm.Errorf(llm.InvalidArgument, "%s is the name of a variable; write \"${%s}\" for the variable's value", where, key)
		}
	}
	return nil
}

// keyOf is the key that the environment holds for the vendor.
func (v *Vendor) keyOf(getenv func(string) (string, bool)) string {
	return firstOf(strings.Fields(v.keys), getenv)
}

// Blame gives an error about "api_key" the name of the environment variable
// that the key came from.
func (v *Vendor) Blame(err error, getenv func(string) (string, bool)) error {
	if v.key == "" {
		return err
	}
	e := *llm.AsError(err)
	if name := v.keyVariable(v.key, getenv); name != "" {
		e.Message = strings.Replace(e.Message, "api_key", "the environment variable "+name, 1)
	}
	return &e
}

// keyVariable is the environment variable that has the key, or "".
func (v *Vendor) keyVariable(key string, getenv func(string) (string, bool)) string {
	if key == "" || getenv == nil {
		return ""
	}
	for name := range strings.FieldsSeq(v.keys) {
		if set, _ := getenv(name); set == key {
			return name
		}
	}
	return ""
}

// blameAddress gives an error about "base_url" the name of the environment
// variable that the address came from; "" for a configured one.
func blameAddress(err error, variable string) error {
	if variable == "" || err == nil {
		return err
	}
	e := *llm.AsError(err)
	e.Message = strings.Replace(e.Message, "base_url", "the environment variable "+variable, 1)
	return &e
}

// Key is the configured key, or else that of the environment.
func (v *Vendor) Key(configured string) string { return cmp.Or(configured, v.key) }

// Concurrent is how many calls at once a route takes: as configured, or what
// the vendor takes; 0 for the default.
func (v *Vendor) Concurrent(configured int) int { return cmp.Or(configured, v.concurrent) }

// HowToSetKey tells where a missing key of a server at baseURL, of that origin,
// goes. The environment's keys go to the vendor's own servers only.
func (v *Vendor) HowToSetKey(baseURL, origin string) string {
	if _, own := At(baseURL); own || v.fromEnvironment || v.keys == "" {
		return v.howToSetKey()
	}
	name, _, _ := strings.Cut(v.keys, " ")
	return "set api_key in the configuration; the environment variable " + name + " is for the servers of " + v.name + " alone, and " + origin + " answered"
}

// howToSetKey tells where a missing key goes.
func (v *Vendor) howToSetKey() string {
	name, _, _ := strings.Cut(v.keys, " ")
	if name == "" {
		return "set api_key in the configuration"
	}
	text := fmt.Sprintf("set api_key in the configuration, or the environment variable %s", name)
	if v.site != "" {
		text += fmt.Sprintf(" (for the site %q; sites: %s)", v.site, strings.Join(v.siteNames(), ", "))
	}
	return text
}

// AdviceOnKey says what else a refused key may be for, at the server of
// baseURL, of that origin: one of the vendor's sites, or a server that is not
// the vendor's, and where its key is from; key is "" where another credential
// is sent. The advice is "" where there is nothing to say.
func (v *Vendor) AdviceOnKey(baseURL, origin, key string, getenv func(string) (string, bool)) string {
	row, own := At(baseURL)
	if !own && v.fromEnvironment && len(v.sites) > 0 {
		row, own = *v, true
	}
	if !own && v.keys != "" && !v.local {
		text := origin + " answered, which is not a server of " + v.name
		if name := v.keyVariable(key, getenv); name != "" {
			text += "; the key comes from the environment variable " + name
		} else if key != "" {
			text += "; the key comes from api_key in the configuration"
		}
		return text
	}
	if !own || len(row.sites) == 0 {
		return ""
	}
	var others []string
	for _, name := range row.siteNames() {
		if name != row.site {
			others = append(others, strconv.Quote(name))
		}
	}
	return fmt.Sprintf("the keys of %s hold at one of its sites only, and %q was asked; for a key of another, set \"site\" to %s in the configuration", row.name, row.site, strings.Join(others, " or "))
}

// anthropicFormat is the own name of Anthropic's format.
const anthropicFormat = "Anthropic"

// asAnthropic is the row at its endpoint of Anthropic's format; format is
// Anthropic's row.
func (v *Vendor) asAnthropic(format Vendor) Vendor {
	a := *v
	a.format, a.own, a.elsewhere, a.openaiPath, a.sdkVariable = format.format, format.own, format.elsewhere, "", noVariable
	a.baseURL, a.streamUsage = v.messages, false
	a.sites = nil
	for _, s := range v.sites {
		s.BaseURL = s.Messages
		a.sites = append(a.sites, s)
	}
	return a
}

// speaksMessagesAt tells whether a base URL is where the vendor speaks
// Anthropic's format.
func (v *Vendor) speaksMessagesAt(base string) bool {
	return slices.ContainsFunc(append([]Site{{Messages: v.messages}}, v.sites...), func(s Site) bool {
		return s.Messages != "" && strings.HasPrefix(base, s.Messages)
	})
}

// NearKey is a variable of the environment that nothing reads, and the
// variable of a vendor's key that it is probably meant to be.
type NearKey struct{ Name, Near string }

// NearKeys lists the variables of an environment whose names are nearly those
// of vendors' keys, as OPENAI_KEY, for vendors without a key.
func NearKeys(getenv func(string) (string, bool)) []NearKey {
	var found []NearKey
	for _, rows := range [][]Vendor{vendors, presets} {
		for i := range rows {
			if near, ok := rows[i].nearKey(getenv); ok {
				found = append(found, near)
			}
		}
	}
	return found
}

// endings are what people write for _API_KEY.
const endings = "_KEY _APIKEY APIKEY _API_TOKEN _TOKEN _API_KEYS _SECRET_KEY"

// nearKey finds the variable that is set in the place of one of the vendor's
// keys: with another ending, in lower case, or with the vendor's name.
func (v *Vendor) nearKey(getenv func(string) (string, bool)) (near NearKey, found bool) {
	keys := v.allKeys()
	if getenv == nil || len(keys) == 0 {
		return near, false
	}
	try := func(name, key string) {
		if value, _ := getenv(name); value != "" && !found {
			near, found = NearKey{name, key}, true
		}
	}
	for _, key := range keys {
		if value, _ := getenv(key); value != "" {
			return near, false
		}
	}
	for _, key := range keys {
		try(strings.ToLower(key), key)
		if stem, ok := strings.CutSuffix(key, "_API_KEY"); ok {
			for end := range strings.FieldsSeq(endings) {
				try(stem+end, key)
			}
		}
	}
	name := strings.ToUpper(strings.ReplaceAll(v.name, "-", "_"))
	try(name+"_API_KEY", keys[0])
	try(name+"_KEY", keys[0])
	return near, found
}
