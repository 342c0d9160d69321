package vendor

import (
	"slices"
	"strings"
)

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
