package vendor

import (
	"cmp"
	"iter"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/wire/openai"
)

// This file looks rows up: by name, by the host of an address, by site.

// all gives every row. Nothing is made of the tables when the program starts.
func all() iter.Seq[Vendor] {
	return func(yield func(Vendor) bool) {
		for _, rows := range [][]Vendor{vendors, presets} {
			for _, v := range rows {
				if v.format == nil {
					v.format, v.streamUsage = openai.New, !v.noUsage
				}
				if !yield(v) {
					return
				}
			}
		}
	}
}

// Names lists the vendors.
func Names() []string {
	names := make([]string, 0, len(vendors)+len(presets))
	for v := range all() {
		names = append(names, v.name)
	}
	return names
}

// everyName lists the names and the aliases.
func everyName() []string {
	var names []string
	for v := range all() {
		names = append(append(names, v.name), v.aliases.Words()...)
	}
	return names
}

// formatNames lists the formats for a message.
func formatNames() string {
	var names []string
	for _, v := range vendors {
		names = append(names, v.name)
	}
	return strings.Join(names, ", ") + ", " + responsesName + ", " + compatible.name + ", or the name of another vendor"
}

// Nearest is the end of a message about a name that no vendor has: the one that
// other libraries mean by it, the nearest one, or all of them.
func Nearest(name string) string {
	if row := meantVendor(name); row != "" {
		return "; did you mean " + shown.Name(row) + "?"
	}
	if hint := suggest.For(name, everyName()); hint != "" {
		return hint
	}
	return "; the vendors are " + strings.Join(Names(), ", ")
}

// Is tells whether a name is a vendor's, or that of one of its sites.
func Is(name string) bool {
	_, known := find(name)
	return known
}

// find gives the row of a name or an alias, or of one with a site behind it,
// as "qwen-intl".
func find(name string) (Vendor, bool) {
	name = strings.ToLower(name)
	if name == "" {
		return Vendor{}, false
	}
	for v := range all() {
		if v.named(name) {
			return v, true
		}
	}
	if at := strings.LastIndexByte(name, '-'); at > 0 {
		for v := range all() {
			if v.named(name[:at]) {
				return v, v.moveTo(name[at+1:])
			}
		}
	}
	return Vendor{}, false
}

func (v *Vendor) named(name string) bool { return v.name == name || v.aliases.Has(name) }

// moveTo makes the row that of one of its sites; false where it has none of
// that name. The default site stays in the row's list of sites by its name.
func (v *Vendor) moveTo(name string) bool {
	if name == v.site {
		return v.site != ""
	}
	for _, s := range v.sites {
		if s.Name == name {
			v.baseURL, v.messages, v.site = s.BaseURL, s.Messages, s.Name
			v.keys = cmp.Or(s.Keys, v.keys)
			return true
		}
	}
	return false
}

// places are all sites of the row, the default one first; nil where the vendor
// is in one place only.
func (v *Vendor) places() []Site {
	if v.site == "" {
		return nil
	}
	row, _ := find(v.name)
	first := Site{Name: row.site, BaseURL: row.baseURL, Messages: row.messages, Keys: row.keys}
	return append([]Site{first}, row.sites...)
}

// siteNames lists the row's sites, the default one first.
func (v *Vendor) siteNames() (names []string) {
	for _, s := range v.places() {
		names = append(names, s.Name)
	}
	return names
}

// owns tells whether a host is the vendor's: one of hosts, or that of one of
// its addresses. Nobody owns the hosts of local servers.
func (v *Vendor) owns(host string) bool {
	if v.hosts != nil {
		return slices.ContainsFunc(v.hosts, func(pattern string) bool {
			matched, _ := path.Match(pattern, host)
			return matched
		})
	}
	if v.local {
		return false
	}
	return hostOf(v.baseURL) == host || slices.ContainsFunc(v.sites, func(s Site) bool { return hostOf(s.BaseURL) == host })
}

// hostOf is the host of an address of the tables.
func hostOf(address string) string {
	_, host, _ := strings.Cut(address, "://")
	host, _, _ = strings.Cut(host, "/")
	return host
}

// ownHosts lists what owns looks for.
func (v *Vendor) ownHosts() []string {
	hosts := append([]string{}, v.hosts...)
	if len(hosts) == 0 && !v.local && v.baseURL != "" {
		hosts = append(hosts, hostOf(v.baseURL))
		for _, s := range v.sites {
			if host := hostOf(s.BaseURL); !slices.Contains(hosts, host) {
				hosts = append(hosts, host)
			}
		}
	}
	return hosts
}

// At returns the vendor that owns the origin of base, at the site that base is
// of; false for any other origin.
func At(base string) (Vendor, bool) {
	u, err := url.Parse(base)
	if err != nil || u.Hostname() == "" {
		return Vendor{}, false
	}
	host := strings.ToLower(u.Hostname())
	for v := range all() {
		if v.owns(host) {
			v.moveToHost(host, base)
			return v, true
		}
	}
	return Vendor{}, false
}

// moveToHost makes the row that of its site at a host: of several there the
// one whose address base begins with.
func (v *Vendor) moveToHost(host, base string) {
	if v.site == "" {
		return
	}
	best := ""
	for _, s := range v.places() {
		if hostOf(s.BaseURL) == host && (best == "" || strings.HasPrefix(base, s.BaseURL)) {
			best = s.Name
		}
	}
	v.moveTo(best)
}

// Name is the vendor's name in the table.
func (v *Vendor) Name() string { return v.name }

// Speaks is the "type" of a model in the vendor's format, without its cloud.
func (v *Vendor) Speaks() string {
	switch {
	case v.own != "":
		return strings.ToLower(v.own)
	case v.name == responsesName:
		return responsesName
	}
	return compatible.name
}

// TellsCost tells whether the vendor may say in its answers what they cost, as
// a server may that nobody knows.
func (v *Vendor) TellsCost() bool { return v.tellsCost || v.name == compatible.name }

// Row is what bindings and documents know of a vendor.
type Row struct {
	Name    string   `json:"name"`
	Aliases []string `json:"aliases,omitempty"` // further names, and those of its sites
	BaseURL string   `json:"base_url,omitempty"`
	Hosts   []string `json:"hosts"`             // its own origin's; a "*" stands for any text
	Keys    []string `json:"keys,omitempty"`    // environment variables of its key
	Address string   `json:"address,omitempty"` // the environment variable of its base URL
	Sites   []string `json:"sites,omitempty"`
	Preset  bool     `json:"preset,omitempty"` // speaks OpenAI's format
}

// Rows lists the vendors as bindings see them; the result is the caller's own.
func Rows() []Row {
	rows := make([]Row, 0, len(vendors)+len(presets))
	i := 0
	for v := range all() {
		r := Row{Name: v.name, BaseURL: withoutRegion(v.baseURL), Hosts: v.ownHosts(), Keys: v.allKeys(), Sites: v.siteNames(), Preset: i >= len(vendors)}
		r.Address, _ = v.addressVariable()
		for _, name := range append([]string{v.name}, v.aliases.Words()...) {
			if name != v.name {
				r.Aliases = append(r.Aliases, name)
			}
			for _, s := range r.Sites {
				r.Aliases = append(r.Aliases, name+"-"+s)
			}
		}
		rows = append(rows, r)
		i++
	}
	return rows
}

// allKeys lists the variables of all sites.
func (v *Vendor) allKeys() []string {
	keys := strings.Fields(v.keys)
	for _, s := range v.sites {
		for key := range strings.FieldsSeq(s.Keys) {
			if !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	return keys
}
