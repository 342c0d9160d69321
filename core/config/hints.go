package config

import (
	"bytes"
	"slices"
	"strings"
	"unicode"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/llm"
)

// wrappers are names that stand around providers or models in configurations
// of other programs.
var wrappers = []string{"config", "llm", "llms", "llm_models", "model", "model_list", "models", "provider", "providers", "routes", "vendors"}

// outside says where what was taken for a provider belongs, where its name is
// not one's: other libraries have no providers around their models.
func outside(name string) string {
	if !slices.Contains(wrappers, strings.ToLower(name)) && settingOf[name] == nil {
		return ""
	}
	return "; the names of providers come first: {\"openai\": {\"models\": {\"gpt-4o-mini\": {\"api_key\": …, \"base_url\": …}}}}"
}

// stray says where an object belongs that stands under an unknown key of a
// provider: it is a provider with another object around it, or a model outside
// of "models".
func stray(name, key string, value []byte) string {
	fields, err := objectFields(value)
	if err == nil && slices.ContainsFunc(fields, func(f jsontext.Field) bool { return f.Key == "models" }) {
		return "; providers stand at the top, as {" + shown.Name(key) + ": {\"models\": {…}}}: leave out " + shown.Name(name) + " around them"
	}
	if hint := outside(name); hint != "" {
		return hint
	}
	return "; a model stands in \"models\": " + placed(name, key)
}

// apart is the end of the message about a provider's name that is a whole
// route's.
func apart(name string) string {
	provider, model, _ := strings.Cut(name, "/")
	if provider == "" || model == "" {
		return ""
	}
	return ", as in " + placed(provider, model)
}

// placed is the place of a model in a configuration.
func placed(provider, model string) string {
	return "{" + shown.Name(provider) + ": {\"models\": {" + shown.Name(model) + ": {…}}}}"
}

// countOf is the end of the message about a number that stands for a group.
func countOf(group string, v []byte) string {
	if v[0] < '0' || v[0] > '9' || !suggest.Means(group, "max_retries") {
		return ""
	}
	return "; the number of attempts is \"max_retries\""
}

// isModel tells whether a provider's key with an object seems to be a model
// that stands outside of "models".
func isModel(key string) bool {
	return groupKeys[key] == nil && settingOf[key] == nil && suggest.For(key, providerKeys) == ""
}

// places and inPlaces are modelKeys and groupKeys for the functions that these
// tables refer to.
var (
	places   []string
	inPlaces map[string][]string
)

func init() { places, inPlaces = modelKeys, groupKeys }

// elsewhere says in which other place a key is known: in a group, or beside the
// group where it stands. "" if it is known here, or nowhere.
func elsewhere(key string, known []string) string {
	if suggest.Nearest(key, known, 0) != "" {
		return ""
	}
	if !slices.Contains(known, "base_url") {
		if near := suggest.Nearest(key, places, 0); near != "" {
			return "; \"" + near + "\" is a setting of the model, and stands beside this object"
		}
	}
	for _, group := range places {
		if near := suggest.Nearest(key, inPlaces[group], 0); near != "" && near != "name" {
			return "; it stands in \"" + group + "\": {\"" + group + "\": {\"" + near + "\": …}}"
		}
	}
	return ""
}

// unknown refuses a key, or passes over it with a warning where it is near to
// none and the configuration is an old one.
func (at *place) unknown(message, key string, known []string) error {
	hint := suggest.For(key, known)
	place := elsewhere(key, known)
	if at.o.Lenient && hint == "" {
		at.o.warn(at.what + ": " + message + place + "; it is ignored")
		return nil
	}
	switch {
	case place != "":
		hint = place
	case hint != "":
	case llm.OfCall(key):
		hint = "; set it in a call"
	default:
		hint = "; the known ones are " + strings.Join(known, ", ")
	}
	return at.fail("%s%s", message, hint)
}

// pathHint is the end of a message where a configuration is a path instead of
// its text.
func pathHint(data []byte) string {
	text := strings.TrimSpace(string(data[:min(len(data), 4096)]))
	if text == "" || len(data) > 4096 || strings.ContainsAny(text, "{}\n\"") {
		return ""
	}
	if lower := strings.ToLower(text); !strings.ContainsAny(text, `/\`) && !strings.HasSuffix(lower, ".json") && !strings.HasSuffix(lower, ".yaml") {
		return ""
	}
	return "; the text looks like the path of a file: give the file's content; in Go, llmagg.File reads it"
}

// notation tells of a text that is no JSON object what it seems to be, and how
// to convert it: its first line that is no comment is one of YAML or TOML.
func notation(data []byte) string {
	for line := range bytes.Lines(data) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' || string(line) == "---" {
			continue
		}
		name := bytes.TrimLeft(line, "[")
		rest := bytes.TrimLeftFunc(name, func(r rune) bool {
			return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-'\"", r)
		})
		switch table := line[0] == '['; {
		case len(rest) == len(name) || len(rest) == 0 || !unicode.IsLetter(rune(name[0])):
		case table && rest[0] == ']':
			return "; it seems to be TOML, which becomes JSON by: python3 -c 'import json, sys, tomllib; json.dump(tomllib.load(sys.stdin.buffer), sys.stdout)' <FILE.toml >FILE.json"
		case !table && rest[0] == ':' && (len(rest) == 1 || rest[1] == ' '):
			return "; it seems to be YAML, which becomes JSON by (with PyYAML): python3 -c 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)' <FILE.yaml >FILE.json"
		}
		break
	}
	return ""
}
