package failure

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/internal/wordlist"
	"github.com/llmagg/llmagg/core/llm"
)

// textNames are the fields of an answer that may be texts, folded.
const textNames wordlist.List = "content delta text parts output outputtext response answer generatedtext completion"

// containers are fields that have such fields in them.
const containers wordlist.List = "choices candidates message messages data result results body payload outputs item items part event contentblock contentblockdelta"

// spokenKinds are what events call themselves, folded, that are texts of the
// answer and nothing else: then the text may have a name that any data has.
const spokenKinds wordlist.List = "text textdelta texttoken content contentdelta token delta answer answerdelta outputtext outputtextdelta"

// TextIn is the name of a field that holds a text of an answer, "" for none. It
// is for values in which a format found nothing: a text that is there
// nevertheless has an unknown form, or stands in an unknown place. Thoughts,
// messages of the request that a server repeats, and pages that it found are no
// answer.
func TextIn(data []byte) string {
	var v any
	if llm.JSON.Unmarshal(data, &v) != nil {
		return ""
	}
	return textIn(v, "")
}

// textIn is TextIn for a value that a field has; name is that field's, "" where
// it is none of an answer.
func textIn(v any, name string) string {
	switch v := v.(type) {
	case string:
		if strings.TrimSpace(v) != "" {
			return name
		}
	case []any:
		for _, item := range v {
			if found := textIn(item, name); found != "" {
				return found
			}
		}
	case map[string]any:
		return textInFields(v, name)
	}
	return ""
}

func textInFields(fields map[string]any, name string) string {
	for _, name := range slices.Sorted(maps.Keys(fields)) { // of servers that write names in their language's way
		if lower := strings.ToLower(name); lower != name && fields[lower] == nil {
			fields[lower] = fields[name]
		}
	}
	kind, _ := fields["type"].(string)
	event, _ := fields["event"].(string)
	role, _ := fields["role"].(string)
	page, _ := fields["url"].(string)
	fromUser := role != "" && role != string(llm.RoleAssistant) && role != "model"
	switch {
	case IsThought(kind), kind == "summary_text", fields["thought"] == true, fromUser, page != "":
		return ""
	case name != "": // a text as an object
		if found := textIn(fields["value"], name); found != "" {
			return found
		}
	case spokenKinds.Has(suggest.Fold(cmp.Or(kind, event))):
		if found := cmp.Or(textIn(fields["value"], "value"), textIn(fields["data"], "data")); found != "" {
			return found
		}
	}
	names := slices.Sorted(maps.Keys(fields))
	for _, inner := range names {
		if textNames.Has(suggest.Fold(inner)) {
			if found := textIn(fields[inner], inner); found != "" {
				return found
			}
		}
	}
	for _, inner := range names {
		if containers.Has(suggest.Fold(inner)) {
			value := fields[inner]
			if text, isText := value.(string); isText {
				if value = nil; !strings.HasPrefix(text, "{") || llm.JSON.Unmarshal([]byte(text), &value) != nil { // encoded twice
					continue
				}
			}
			if found := textIn(value, ""); found != "" {
				return found
			}
		}
	}
	return ""
}
