package provider

import (
	"strings"

	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/vendor"
)

// Named makes the configurations of what a list of models names as
// "vendor/model", with nothing but the two names in them: address and key come
// from the vendor's row and the environment. taken tells what is there already.
// Names of no vendor are among them if unknown is set.
func Named(models []string, taken func(name, provider string) bool, unknown bool) []config.Provider {
	var made []config.Provider
	at := map[string]int{}
	for _, name := range models {
		vendorName, model, ok := strings.Cut(name, "/")
		if !ok || vendorName == "" || model == "" || !unknown && !vendor.Is(vendorName) || taken(name, vendorName) {
			continue
		}
		i, known := at[vendorName]
		if !known {
			i = len(made)
			at[vendorName] = i
			made = append(made, config.Provider{Name: vendorName})
		}
		if _, twice := made[i].Model(model); !twice {
			made[i].Models = append(made[i].Models, config.Model{Provider: vendorName, Name: model})
		}
	}
	return made
}

// OnlyVendor tells whether a name of a list of models is a vendor's and names
// none of its models, and gives the vendor.
func OnlyVendor(name string) (vendorName string, only bool) {
	vendorName, model, _ := strings.Cut(name, "/")
	return vendorName, model == "" && vendor.Is(vendorName)
}

// Meant gives the name "vendor/model" of a model whose name has the form of
// another library; "" for any other name.
func Meant(name string) string { return vendor.Meant(name) }

// LacksKey tells whether nothing but its key is missing in a configuration that
// [New] refused.
func LacksKey(cfg config.Provider, o Options) bool {
	models := cfg.Models
	cfg.Models = nil
	for _, m := range models {
		m.APIKey = "-"
		cfg.Models = append(cfg.Models, m)
	}
	p, err := New(cfg, o)
	if err == nil {
		p.Retire()
	}
	return err == nil
}
