package price

import (
	"fmt"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/setting"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/llm"
)

// Tier is what a request costs whose prompt is longer than InputTokens, those
// included that caches gave and took. Its rates hold for all tokens of the
// request, those of its answer too, and not for the ones beyond InputTokens
// only. So charge, by their pages of prices and by what litellm 1.110.2 and
// genai-prices 0.2.3 make of them:
//
//   - Google: ai.google.dev/gemini-api/docs/pricing, above 200k
//   - OpenAI: developers.openai.com/api/docs/pricing, above 272k
//   - Anthropic: platform.claude.com/docs/en/about-claude/pricing, where it
//     speaks of long contexts, above 100k or 200k
//   - xAI: docs.x.ai/docs/models, from 200k on, which is above 199999
//   - Alibaba: alibabacloud.com/help/en/model-studio/models, by ranges
//
// Rates that are nil are those of shorter prompts. Without any, what such a
// prompt costs is not known.
type Tier struct {
	InputTokens int
	Rates
}

// rate is a rate by its name.
type rate struct {
	name  string
	value **float64
}

func (r *Rates) list() []rate {
	return []rate{{"input", &r.Input}, {"output", &r.Output}, {"cached_input", &r.CachedInput}, {"cache_write", &r.CacheWrite}, {"cache_write_1h", &r.CacheWrite1h},
		{"input_audio", &r.InputAudio}, {"output_audio", &r.OutputAudio}}
}

func (r rate) check(where string) error {
	if v := *r.value; v != nil && !(*v >= 0 && *v < 1e15) {
		return llm.Errorf(llm.InvalidArgument, "%s%s is %v; expected a number that is not negative", where, r.name, *v)
	}
	return nil
}

// at is what a prompt of so many tokens costs.
func (p *Price) at(prompt int) (r Rates, known bool) {
	r, known = p.Rates, true
	for i := range p.Above {
		t := p.Above[i]
		if prompt <= t.InputTokens {
			break
		}
		known = t.Rates != (Rates{})
		for j, set := range t.list() {
			if *set.value != nil {
				*r.list()[j].value = *set.value
			}
		}
	}
	return r, known
}

// checkAbove refuses tiers without an order.
func (p *Price) checkAbove(where string) error {
	if len(p.Above) > 0 && p.Input == nil && p.Output == nil {
		return llm.Errorf(llm.InvalidArgument, "%s: the price has \"above\" and no \"input\" or \"output\"; expected for example "+example, where)
	}
	least := 0
	for i := range p.Above {
		t := &p.Above[i]
		name := fmt.Sprintf("%s: price.above[%d].", where, i)
		switch {
		case t.InputTokens <= 0:
			return llm.Errorf(llm.InvalidArgument, "%sinput_tokens is %d; expected a number of tokens greater than 0, above which the entry holds", name, t.InputTokens)
		case t.InputTokens <= least:
			return llm.Errorf(llm.InvalidArgument, "%sinput_tokens is %d; expected more than %d, that of the entry before it", name, t.InputTokens, least)
		}
		for _, r := range t.list() {
			if err := r.check(name); err != nil {
				return err
			}
		}
		least = t.InputTokens
	}
	return nil
}

const example = `{"input": 1.25, "output": 10, "above": [{"input_tokens": 200000, "input": 2.5, "output": 15}]}`

// ReadTiers reads the "above" of a price, which key names in messages. Whether
// its entries rise is for [Price.Check].
func ReadTiers(key string, v []byte) ([]Tier, error) {
	rows, err := jsontext.ItemsOf(v)
	if err != nil {
		return nil, llm.Errorf(llm.InvalidArgument, "%q is %s; expected a list of objects, as in "+example, key, shown.Value(v))
	}
	tiers := make([]Tier, len(rows))
	for i, row := range rows {
		if err := tiers[i].read(fmt.Sprintf("%s[%d]", key, i), row); err != nil {
			return nil, err
		}
	}
	return tiers, nil
}

func (t *Tier) read(key string, v []byte) error {
	fields, err := fieldsOf(key, v, example)
	if err != nil {
		return err
	}
	for _, f := range fields {
		if value := v[f.Start:f.End]; value[0] != 'n' { // null is not set
			err = t.set(key, f.Key, value)
		}
		if err != nil {
			return llm.Errorf(llm.InvalidArgument, "%s", err)
		}
	}
	return nil
}

// fieldsOf are the fields of the value of key, an object such as example.
func fieldsOf(key string, v []byte, example string) ([]jsontext.Field, error) {
	if v[0] != '{' {
		return nil, llm.Errorf(llm.InvalidArgument, "%q is %s; expected an object, as in %s", key, shown.Value(v), example)
	}
	fields, err := jsontext.FieldsOf(v)
	if err == nil {
		err = shown.Twice(fields)
	}
	if err != nil {
		return nil, llm.Errorf(llm.InvalidArgument, "%q %v", key, err)
	}
	return fields.List, nil
}

func (t *Tier) set(key, name string, v []byte) (err error) {
	if name == "input_tokens" {
		t.InputTokens, err = setting.Integer(key+"."+name, v, 1)
		return err
	}
	known := []string{"input_tokens"}
	for _, r := range t.list() {
		if r.name == name {
			*r.value, err = setting.Money(key+"."+name, v)
			return err
		}
		known = append(known, r.name)
	}
	hint := suggest.For(name, known)
	if hint == "" {
		hint = "; the known ones are " + strings.Join(known, ", ")
	}
	return fmt.Errorf("unknown key %s in %q%s", shown.Name(name), key, hint)
}
