package reference

import (
	"encoding/json"
	"strings"
)

// words are the texts of a page in one language.
type words struct {
	heads, adviceHeads, effectHeads []string
	// texts has the translations by their English text; nil for English.
	texts map[string]string
	// missing are the English texts that have no translation.
	missing map[string]string
}

func english() *words {
	return &words{
		heads:       []string{"key", "type", "default", "meaning"},
		adviceHeads: []string{"code", "class in Python", "meaning", "what to do"},
		effectHeads: []string{"code", "the same route again", "the next route", "circuit breaker"},
	}
}

func chinese(file []byte) (*words, error) {
	w := &words{
		heads:       []string{"键", "类型", "默认值", "含义"},
		adviceHeads: []string{"代码", "Python 的类", "含义", "怎么办"},
		effectHeads: []string{"代码", "重试同一路由", "转到下一条路由", "熔断器"},
		missing:     map[string]string{},
	}
	return w, json.Unmarshal(file, &w.texts)
}

// of gives a text in the language, English where a translation is missing.
// Values, such as "60 s" or AWS_REGION, need none.
func (w *words) of(english string) string {
	if w.texts == nil {
		return english
	}
	text, ok := w.texts[english]
	if ok {
		return text
	}
	if strings.Contains(english, " ") && !strings.ContainsAny(english[:1], "0123456789") {
		w.missing[english] = ""
	}
	return english
}
