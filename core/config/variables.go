package config

import (
	"slices"
	"strings"
	"sync"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/llm"
)

// variables are the environment variables that the library and its programs
// read, beside those of vendors.
var variables = []string{"LLMAGG_CONFIG", "LLMAGG_MODELS", "LLMAGG_PRICES", "LLMAGG_SERVE_KEY", "LLMAGG_SETTINGS", "LLMAGG_TOP"}

// Listed are the names of models in LLMAGG_MODELS, which commas separate.
func Listed(text string) (models []string, err error) {
	for name := range strings.SplitSeq(text, ",") {
		words := strings.Fields(name)
		if len(words) == 0 {
			continue
		}
		name = strings.TrimSpace(name)
		if strings.Contains(strings.Join(words[1:], ""), "/") {
			return nil, llm.Errorf(llm.InvalidArgument, "LLMAGG_MODELS has a blank in the entry %s; separate models by commas", shown.Name(name))
		}
		models = append(models, name)
	}
	return models, nil
}

// Misspelt is a variable that nothing reads, and the one that it probably is
// meant to be.
type Misspelt struct {
	Name string `json:"name"`
	Near string `json:"near"`
}

// MisspeltIn lists the variables of an environment, as os.Environ gives it,
// whose names are nearly those of the library, or the beginning of one. A name
// that goes on after a whole one, as LLMAGG_CONFIG_PATH, is an application's.
func MisspeltIn(environment []string) []Misspelt {
	found := []Misspelt{}
	for _, entry := range environment {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "LLMAG") || slices.Contains(variables, name) {
			continue
		}
		if slices.ContainsFunc(variables, func(v string) bool { return strings.HasPrefix(name, v+"_") }) {
			continue
		}
		near := suggest.Nearest(name, variables, 1+len(name)/12)
		for _, v := range variables {
			if near == "" && len(name) > len("LLMAGG_") && strings.HasPrefix(v, name) {
				near = v
			}
		}
		if near != "" {
			found = append(found, Misspelt{name, near})
		}
	}
	return found
}

var toldMisspelt sync.Map // name → true, of those that were told in this process

// TellMisspelt warns about misspelt variables of [Options.Environment], about
// each once in a process.
func (o *Options) TellMisspelt() {
	if o.Environment == nil {
		return
	}
	for _, m := range MisspeltIn(o.Environment()) {
		if _, told := toldMisspelt.LoadOrStore(m.Name, true); !told {
			o.warn("nothing reads the environment variable " + m.Name + "; did you mean " + m.Near + "?")
		}
	}
}
