package vendor

import (
	"cmp"
	"strings"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
)

// parts are the beginnings of models' names by which litellm chooses an API or
// a region of a vendor: the vendor itself knows no such model. What is to be
// written beside the rest of the name is the third text.
var parts = []struct{ vendor, part, beside string }{
	{"bedrock", "converse", ""}, {"bedrock", "converse_like", ""}, {"bedrock", "invoke", ""},
	{"openai", "responses", `, and "type": "responses"`}, {azureName, "responses", `, and "type": "responses"`},
	{azureName, "o_series", ""}, {azureName, "gpt5_series", ""},
}

// refusePart refuses a model's name that begins with one of [parts]. It is for
// a vendor's own address: another server may have models of such names.
func refusePart(where string, m *Model, vendor string) error {
	part, rest, found := strings.Cut(cmp.Or(m.Upstream, m.Name), "/")
	if !found || rest == "" {
		return nil
	}
	for _, p := range parts {
		if p.vendor == vendor && p.part == part {
			return llm.Errorf(llm.InvalidArgument, "%s: the model's name begins with %q, by which litellm chooses an API; write %s%s", where, part+"/", shown.Name(m.Provider+"/"+rest), p.beside)
		}
	}
	if vendor == "bedrock" && isRegion(part) {
		return llm.Errorf(llm.InvalidArgument, "%s: the model's name begins with a region; write %s, and \"region\": %q", where, shown.Name(m.Provider+"/"+rest), part)
	}
	return nil
}

// isRegion tells whether a word is one of AWS's regions, such as us-gov-east-1.
func isRegion(word string) bool {
	n := len(word)
	return n > 5 && word[2] == '-' && word[n-2] == '-' && word[n-1] >= '1' && word[n-1] <= '9' && strings.Count(word, "-") >= 2
}
