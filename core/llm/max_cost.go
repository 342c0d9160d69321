package llm

// MaxCost bounds what a call may cost, in the currency of its prices.
type MaxCost struct {
	Amount float64
	// Hard also refuses attempts that could pass the amount, by the price of the
	// route, the size of the request and its max_tokens. Without it, the amount
	// may be passed by the attempt that reaches it.
	Hard bool
}

// AdviceOnPrices says where a bound of money gets the prices that it needs.
const AdviceOnPrices = "name a table of prices in LLMAGG_PRICES (llmagg prices --path is one), or set \"price\" in the configuration (0 for what is free)"

func (m *MaxCost) valid() bool { return m.Amount > 0 && m.Amount < 1e15 }

func (m *MaxCost) check() error {
	if m != nil && !m.valid() {
		return Errorf(InvalidArgument, "option \"max_cost\" is %v; expected an amount greater than 0", m.Amount)
	}
	return nil
}

func (o *CallOptions) setMaxCost(key string, v []byte) error {
	m, err := readMaxCost("option \"max_cost\"", key, v)
	if err != nil {
		return err
	}
	o.MaxCost = &m
	return nil
}
