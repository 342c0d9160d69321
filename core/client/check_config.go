package client

import (
	"cmp"
	"strings"

	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
)

// Checked is the result of checking a configuration, without its keys.
type Checked struct {
	Models   []CheckedModel   `json:"models"`
	LeftOut  []config.LeftOut `json:"left_out"`
	Warnings []string         `json:"warnings"` // about keys that are ignored

	HoldsSecret bool `json:"holds_secret"` // see [config.HoldsSecret]

	Fleet *config.Fleet `json:"-"`              // nil without one
	Bulk  *config.Bulk  `json:"bulk,omitempty"` // likewise
}

// CheckedModel is a model that can be used.
type CheckedModel struct {
	Provider string `json:"provider"`
	Name     string `json:"name"`
	Model    string `json:"model"`
	BaseURL  string `json:"base_url"` // as [Client.Address]

	Asked string `json:"-"` // the address that calls use: keys may stand in it
}

// CheckConfig checks a configuration as [config.Parse] and [New] do, and
// keeps nothing. skipKeyless skips models without the key that their vendor
// needs, if other models can be used. The error is INVALID_ARGUMENT.
func CheckConfig(data []byte, o config.Options, options Options, skipKeyless bool) (*Checked, error) {
	checked := &Checked{Models: []CheckedModel{}, LeftOut: []config.LeftOut{}, Warnings: []string{}, HoldsSecret: config.HoldsSecret(data)}
	o.Warn = func(message string) {
		if !strings.HasSuffix(message, "; the model is left out") { // LeftOut tells
			checked.Warnings = append(checked.Warnings, message)
		}
	}
	providers, err := config.Parse(data, o)
	if err != nil {
		return nil, err
	}
	if len(providers) == 0 {
		return nil, llm.Errorf(llm.InvalidArgument, "the configuration defines no models; expected {\"openai\": {\"models\": {…}}}")
	}
	checked.Fleet, checked.Bulk = providers[0].Fleet, providers[0].Bulk
	checked.LeftOut = append(checked.LeftOut, providers[0].LeftOut...)
	for i := range providers {
		for _, m := range providers[i].Models {
			m.Type = cmp.Or(m.Type, providers[i].Type)
			if err := checked.add(m, options, skipKeyless); err != nil {
				return nil, err
			}
		}
	}
	if len(checked.Models) == 0 {
		return nil, config.NoneUsable(checked.LeftOut)
	}
	return checked, nil
}

// add makes the model's client and lets go of it at once: nothing is connected
// before a first call.
func (checked *Checked) add(m config.Model, o Options, skipKeyless bool) error {
	c, err := New(m, o)
	if err != nil && skipKeyless && m.APIKey == "" {
		reason := llm.AsError(err).Message
		m.APIKey = "-"
		if c, again := New(m, o); again == nil { // nothing else is wrong
			c.Retire()
			checked.LeftOut = append(checked.LeftOut, config.LeftOut{Provider: m.Provider, Name: m.Name, Reason: reason})
			return nil
		}
	}
	if err != nil {
		return err
	}
	c.Retire()
	checked.Models = append(checked.Models, CheckedModel{m.Provider, m.Name, c.Model(), c.Address(), c.Config().BaseURL})
	return nil
}
