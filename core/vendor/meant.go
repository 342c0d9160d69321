package vendor

import (
	"cmp"
	"strings"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/llm"
)

// This file reads the names of models and vendors as other libraries write
// them, for the advice in messages.

// otherWords are other libraries' words for vendors, folded, and families of
// models, each with the name of the row.
const otherWords = ` google=gemini palm=gemini models=gemini googlevertex=vertex googlevertexai=vertex googleanthropicvertex=vertex-anthropic
 mistralai=mistral codestral=mistral moonshotai=moonshot togetherai=together fireworksai=fireworks perplexityai=perplexity nim=nvidia hf=huggingface
 gpt=openai chatgpt=openai o1=openai o3=openai o4=openai claude=anthropic grok=xai command=cohere sonar=perplexity
`

// beginnings are those of models' names, of models for vectors, that no word
// but their first ones tells of.
var beginnings = [...]struct{ with, row string }{
	{"text-embedding-3-", "openai"}, {"text-embedding-ada-", "openai"}, {"text-embedding-v", "qwen"}, {"text-embedding-0", "vertex"}, {"embed-", "cohere"},
}

// Meant gives the name "vendor/model" of a model whose name has the form of
// another library: "openai:gpt-4o", "nvidia_nim/llama", "gpt-4o". It is "" for
// a name that has the form of this library, and for one that nobody knows.
func Meant(name string) string {
	end := strings.IndexAny(name, ":/")
	if end < 0 {
		for _, b := range beginnings {
			if strings.HasPrefix(name, b.with) {
				return b.row + "/" + name
			}
		}
		if row := meantVendor(name); row != "" {
			return row + "/" + name
		}
		return ""
	}
	head, model := name[:end], name[end+1:]
	if model == "" || name[end] == '/' && Is(head) {
		return ""
	}
	if name[end] == ':' && (model[0] >= '0' && model[0] <= '9' || model == "latest") {
		return "ollama/" + name // a tag of Ollama's
	}
	row := head
	if !Is(head) {
		row = meantVendor(head)
	}
	if row == "" {
		return ""
	}
	return row + "/" + model
}

// meantVendor finds the row of a vendor's name in another library, or of the
// first of its words that speaks of a vendor: "hosted_vllm", "azure_ai". It is
// "" if there is none.
func meantVendor(name string) string {
	if row := rowOfWord(suggest.Fold(name)); row != "" {
		return row
	}
	for word := range strings.FieldsFuncSeq(strings.ToLower(name), func(r rune) bool { return strings.ContainsRune("_-. ", r) }) {
		if row := rowOfWord(word); row != "" {
			return row
		}
	}
	return ""
}

func rowOfWord(word string) string {
	for v := range all() {
		if v.named(word) {
			return v.name
		}
	}
	if _, row, found := strings.Cut(otherWords, " "+word+"="); found && word != "" {
		return row[:strings.IndexAny(row, " \n")]
	}
	return ""
}

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
