package llm

// Setting describes one name that a caller may set: an option of a call, a key
// of the configuration, or a field of a request. The parsers read these tables,
// and documents are made from them.
type Setting struct {
	Name    string `json:"name"`
	Type    string `json:"type"` // "integer", "number", "seconds", "bytes", "text", "bool", "object", "array", …
	Default string `json:"default,omitempty"`
	Meaning string `json:"meaning,omitempty"`
	// Group is the object in which a key of the configuration stands:
	// "breaker", "retry" or "limits"; "" for a model's own keys.
	Group string `json:"group,omitempty"`
	// Internal settings are for bindings and for the C ABI's streams.
	Internal bool `json:"internal,omitempty"`
}

// Settings are all tables of settings.
type Settings struct {
	// Options belong to one call.
	Options []Setting `json:"options"`
	// Configuration are the keys of a model, and of a provider for all of its
	// models.
	Configuration []Setting `json:"configuration"`
	// Request are the fields of a request that are passed on without
	// "extra_body": those of chat completions and those of well-known vendors.
	Request []Setting `json:"request"`
}

// AllSettings returns the tables; the caller owns the result.
func AllSettings() Settings {
	var s Settings
	for _, o := range callSettings {
		s.Options = append(s.Options, o.Setting)
	}
	for _, c := range configSettings {
		s.Configuration = append(s.Configuration, c.Setting)
	}
	for _, f := range requestFieldList {
		s.Request = append(s.Request, Setting{Name: f.name, Type: kindText[f.kind]})
	}
	for _, name := range vendorFieldNames {
		if ambiguousFields[name] {
			continue
		}
		s.Request = append(s.Request, Setting{Name: name, Type: kindText[vendorFields[name]]})
	}
	return s
}

func settingNames[T interface{ name() string }](settings []T) []string {
	names := make([]string, len(settings))
	for i, s := range settings {
		names[i] = s.name()
	}
	return names
}

func (s Setting) name() string { return s.Name }
