package config

import (
	"slices"

	"github.com/llmagg/llmagg/core/internal/setting"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/llm"
)

// Fleet is the key "fleet" beside the providers: the store through which the
// processes that use the same routes learn from each other. It holds a
// password: do not print it.
type Fleet struct {
	URL       string   `json:"-"` // valkey:, redis:, with TLS valkeys:, rediss:; several hosts by comma; ?sentinel=NAME
	Name      string   // who shares; "default"
	Agree     int      // processes whose circuits must be open before others skip a route; 2
	Processes int      // how many there are, until the store has told; 1
	Share     []string // "waits", "breakers", "rates"; all
	Username  string
	Password  string `json:"-"`
	CAFile    string
}

// Equal tells whether two fleets are the same.
func (f *Fleet) Equal(o *Fleet) bool {
	return f.URL == o.URL && f.Name == o.Name && f.Agree == o.Agree && f.Processes == o.Processes && slices.Equal(f.Share, o.Share) && f.Username == o.Username &&
		f.Password == o.Password && f.CAFile == o.CAFile
}

// String names the fleet, without its password.
func (f Fleet) String() string { return "fleet " + f.Name }

// GoString is String.
func (f Fleet) GoString() string { return f.String() }

var fleetSettings = []setting.Setting{
	{Group: "fleet", Name: "url", Type: "text", Default: "none: alone", Meaning: "beside the providers: the store by which processes with the same routes share what they find out: valkey://host:6379, redis://, with TLS valkeys://, rediss://; several hosts by comma are a cluster; ?sentinel=NAME"},
	{Group: "fleet", Name: "name", Type: "text", Default: "\"default\"", Meaning: "the fleet's name: processes with the same name share"},
	{Group: "fleet", Name: "agree", Type: "integer", Default: "2", Meaning: "how many processes must have an open breaker before others skip a route; with 1, one process is enough"},
	{Group: "fleet", Name: "processes", Type: "integer", Default: "1", Meaning: "how many processes there are, until the store reports it: a process that has not reached the store yet keeps each rate at that share of the limit"},
	{Group: "fleet", Name: "share", Type: "list of texts", Default: "[\"waits\", \"breakers\", \"rates\"]", Meaning: "what is shared"},
	{Group: "fleet", Name: "username", Type: "text", Meaning: "the user of the store"},
	{Group: "fleet", Name: "password", Type: "text", Meaning: "the password of the store"},
	{Group: "fleet", Name: "ca_file", Type: "text", Default: "the system's roots", Meaning: "a PEM file with root certificates of the store"},
}

var shareable = []string{"waits", "breakers", "rates"}

// ParseFleet reads the object of "fleet"; nil for nothing, or null. Errors are
// INVALID_ARGUMENT.
func ParseFleet(data []byte, o Options) (*Fleet, error) {
	if len(data) == 0 || data[0] == 'n' {
		return nil, nil
	}
	at := &place{what: `"fleet"`, o: &o, unset: map[string]string{}}
	c := &Fleet{}
	if err := at.beside(data, "\"url\"", c.set); err != nil {
		return nil, err
	}
	if c.URL == "" {
		return nil, at.fail("has no \"url\"; expected one such as valkey://localhost:6379")
	}
	return c, nil
}

// set reads a key of "fleet".
func (c *Fleet) set(at *place, v []byte) (err error) {
	texts := map[string]*string{"url": &c.URL, "name": &c.Name, "username": &c.Username, "password": &c.Password, "ca_file": &c.CAFile}
	switch to := texts[at.key]; {
	case to != nil:
		*to, err = at.text(v)
		return err
	case at.key == "agree":
		c.Agree, err = setting.Integer(at.key, v, 1)
		return at.wrap(err)
	case at.key == "processes":
		c.Processes, err = setting.Integer(at.key, v, 1)
		return at.wrap(err)
	case at.key == "share":
		if v[0] != '[' || llm.JSON.Unmarshal(v, &c.Share) != nil {
			return at.fail("\"share\" is %s; expected a list of \"waits\", \"breakers\", \"rates\"", shown.Value(v))
		}
		for _, s := range c.Share {
			if !slices.Contains(shareable, s) {
				return at.fail("\"share\" has %s; expected \"waits\", \"breakers\" or \"rates\"%s", shown.Text(s), suggest.For(s, shareable))
			}
		}
		return nil
	}
	return at.strange(fleetSettings)
}
