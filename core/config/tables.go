package config

import (
	"github.com/llmagg/llmagg/core/internal/setting"
	"github.com/llmagg/llmagg/core/llm"
)

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
