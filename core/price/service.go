package price

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/llmagg/llmagg/core/internal/setting"
	"github.com/llmagg/llmagg/core/llm"
)

// Services says how many times the price answers of a service tier cost, by the
// name that the answer gives it. Vendors name it in these places:
//
//   - OpenAI, Groq and others: "service_tier" of the answer, "flex", "priority"
//   - Anthropic: in the usage "service_tier", "batch", "priority"; "speed",
//     "fast"; "inference_geo", "us"
//   - Google: "trafficType" of the usage, ON_DEMAND_FLEX, ON_DEMAND_PRIORITY
//   - Bedrock: "serviceTier" of the answer, {"type": "flex"}
type Services map[string]float64

// half is what batches cost at all of these vendors.
const half = 0.5

// TierFields are the fields that name a service tier.
var TierFields = [...]string{"service_tier", "serviceTier", "speed", "inference_geo", "trafficType"}

// ServiceTier is the name of the service tier that the fields of an answer, of
// its usage or of a request tell, "" for the usual one, and several with blanks
// between.
func ServiceTier(fields llm.Extra) string {
	var names []string
	for _, field := range TierFields {
		raw := fields[field]
		if len(raw) > 0 && raw[0] == '{' {
			var o struct {
				Type json.RawMessage `json:"type"`
			}
			_ = llm.JSON.Unmarshal(raw, &o)
			raw = o.Type
		}
		if len(raw) < 2 || raw[0] != '"' {
			continue
		}
		switch name := strings.TrimPrefix(strings.ToLower(string(raw[1:len(raw)-1])), "on_demand_"); name {
		case "", "default", "standard", "auto", "on_demand", "global", "not_available": // what the price is for
		default:
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// times is how many times the price answers of a tier cost.
func (s Services) times(tier string) (n float64, known bool) {
	n = 1
	for name := range strings.FieldsSeq(tier) {
		factor, ok := s[name]
		if !ok && name == "batch" {
			factor, ok = half, true
		}
		if !ok {
			return 0, false
		}
		n *= factor
	}
	return n, true
}

// ReadServices reads the "service_tiers" of a price, which key names in
// messages.
func ReadServices(key string, v []byte) (Services, error) {
	fields, err := fieldsOf(key, v, `{"flex": 0.5, "priority": 2}`)
	if err != nil {
		return nil, err
	}
	s := Services{}
	for _, f := range fields {
		name := fmt.Sprintf("%s.%s", key, f.Key)
		n, err := setting.Money(name, v[f.Start:f.End])
		if err != nil {
			return nil, llm.Errorf(llm.InvalidArgument, "%s", err)
		}
		if n != nil {
			s[strings.ToLower(f.Key)] = *n
		}
	}
	return s, nil
}
