package llm

import (
	"cmp"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// The sources of a [Cost].
const (
	CostOfProvider = "provider" // the answer says what it cost
	CostOfPrice    = "price"    // the usage times the prices of the configuration
	CostOfTable    = "table"    // the usage times the prices of the file that LLMAGG_PRICES names
	CostOfCache    = "cache"    // nothing, as the answer was kept
	CostMixed      = "mixed"    // some attempts have one source, some the other
)

// Cost is what an attempt or a call cost. A cost that is not known is a nil
// *Cost, never 0.
type Cost struct {
	Amount   float64
	Currency string // "USD"
	Source   string
	// Unknown is how many further attempts of the call may have cost something
	// that is not known.
	Unknown int
	Date    string // of the table that has the prices, as 2026-11-28; "" for none
}

// TotalCost is the cost of a call: all of its attempts, failed attempts too.
// It is nil where that of the attempt that answered is not known.
func TotalCost(attempts []Attempt) *Cost {
	var sum *Cost
	unknown := 0
	for i := range attempts {
		a := &attempts[i]
		switch {
		case a.Cost == nil && a.Free():
		case a.Cost == nil && a.Code == OK:
			return nil
		case a.Cost == nil:
			unknown++
		case sum == nil:
			copied := *a.Cost
			sum = &copied
		case sum.Currency != a.Cost.Currency:
			unknown++
		default:
			sum.Amount += a.Cost.Amount
			if sum.Source != a.Cost.Source {
				sum.Source = CostMixed
			}
			sum.Date = cmp.Or(sum.Date, a.Cost.Date)
		}
	}
	if sum != nil {
		sum.Unknown = unknown
	}
	return sum
}

// Free tells whether the attempt certainly cost nothing: nothing was sent, or
// the server refused it before any token.
func (a *Attempt) Free() bool {
	switch a.Code {
	case OK:
		return false
	case CircuitOpen, Overloaded:
		return true
	case Unsupported:
		return a.Status/100 != 2 // an answer shows, too, what its server cannot do
	}
	return a.unsent || a.Status >= 400 && a.FirstToken == 0 && a.Usage == nil
}

// Unsent notes that the attempt reached no server.
func (a *Attempt) Unsent() { a.unsent = true }

func (c *Cost) write(w *jsontext.Writer) {
	o := w.Object()
	o.Field("amount").Float(c.Amount)
	o.Str("currency", c.Currency)
	o.Str("source", c.Source)
	o.StrUnlessEmpty("date", c.Date)
	if c.Unknown > 0 {
		o.Field("unknown").Int(c.Unknown)
	}
	o.End()
}

// MarshalJSON writes {"amount", "currency", "source", "date", "unknown"}.
func (c *Cost) MarshalJSON() ([]byte, error) { return jsontext.Encode(nil, c.write) }

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
