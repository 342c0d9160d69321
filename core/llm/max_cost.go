package llm

import (
	"strconv"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
)

// MaxCost bounds what a call may cost, in the currency of its prices.
type MaxCost struct {
	Amount float64
	// Hard also refuses attempts that could pass the amount, by the price of the
	// route, the size of the request and its max_tokens. Without it, the amount
	// may be passed by the attempt that reaches it.
	Hard bool
}

func (m *MaxCost) check() error {
	if !(m.Amount > 0 && m.Amount < 1e15) {
		return Errorf(InvalidArgument, "option \"max_cost\" is %v; expected an amount greater than 0", m.Amount)
	}
	return nil
}

func (o *CallOptions) setMaxCost(key string, v []byte) error {
	const expected = "expected an amount greater than 0, or {\"amount\": 0.05, \"hard\": true}"
	wrong := func(v []byte) error {
		return Errorf(InvalidArgument, "option %q is %s; %s", key, shown.Value(v), expected)
	}
	var m MaxCost
	if v[0] != '{' {
		n, err := strconv.ParseFloat(string(v), 64)
		if m.Amount = n; err != nil {
			return wrong(v)
		}
		o.MaxCost = &m
		return m.check()
	}
	fields, err := jsontext.FieldsOf(v)
	if err != nil {
		return wrong(v)
	}
	for _, f := range fields.List {
		value := v[f.Start:f.End]
		switch f.Key {
		case "amount":
			if m.Amount, err = strconv.ParseFloat(string(value), 64); err != nil {
				return wrong(value)
			}
		case "hard":
			if m.Hard, err = boolOption("max_cost.hard", value); err != nil {
				return err
			}
		default:
			return Errorf(InvalidArgument, "option \"max_cost\" has the unknown key %s%s; %s", shown.Name(f.Key), suggest.For(f.Key, []string{"amount", "hard"}), expected)
		}
	}
	o.MaxCost = &m
	return m.check()
}
