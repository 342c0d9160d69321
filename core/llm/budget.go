package llm

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
)

// Budget bounds what all calls that have it may cost together: no attempt
// begins after their known cost has reached it. A hard one also refuses
// attempts that could pass it, those under way included; what such an attempt
// cost counts as what it could cost where nobody tells. It is safe for
// concurrent use.
type Budget struct {
	name   string
	ofCall bool // the max_cost of one call

	mu       sync.Mutex // guards what follows
	limit    MaxCost
	spent    float64
	reserved float64 // by attempts under way, if it is hard
	unknown  int     // attempts that may have cost something that nobody tells
	currency string  // of the first known cost
}

// NewBudget makes a budget; the name is for messages.
func NewBudget(name string, limit MaxCost) (*Budget, error) {
	b := &Budget{name: name}
	return b, b.Set(limit)
}

// Set gives the budget another limit; what is spent stays.
func (b *Budget) Set(limit MaxCost) error {
	if !limit.valid() {
		return Errorf(InvalidArgument, "the budget %s is %v; expected an amount greater than 0", shown.Text(b.name), limit.Amount)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limit = limit
	return nil
}

// BudgetReport is the state of a budget.
type BudgetReport struct {
	Amount   float64 `json:"amount"`
	Hard     bool    `json:"hard"`
	Spent    float64 `json:"spent"`
	Reserved float64 `json:"reserved"` // by attempts under way
	Unknown  int     `json:"unknown"`  // attempts whose cost is not known
	Currency string  `json:"currency,omitempty"`
}

// Report is the state of the budget.
func (b *Budget) Report() BudgetReport {
	b.mu.Lock()
	defer b.mu.Unlock()
	return BudgetReport{b.limit.Amount, b.limit.Hard, b.spent, b.reserved, b.unknown, b.currency}
}

// Hard tells whether the budget refuses what could pass it.
func (b *Budget) Hard() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.limit.Hard
}

// OfCall tells whether the budget is the max_cost of one call, which each of
// its routes refuses.
func (b *Budget) OfCall() bool { return b.ofCall }

// Spent refuses, as QUOTA, a call of a budget that is used up; nil if it is
// not.
func (b *Budget) Spent() *Error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.spent < b.limit.Amount {
		return nil
	}
	if b.ofCall {
		return Errorf(Quota, "the call has cost %.6g, and its max_cost is %.6g", b.spent, b.limit.Amount)
	}
	return Errorf(Quota, "%s is spent: its calls have cost %.6g of %.6g; no call begins until it is raised", b.title(), b.spent, b.limit.Amount)
}

func (b *Budget) title() string {
	if b.ofCall {
		return "max_cost"
	}
	if b.name == "" {
		return "the budget of the process"
	}
	return "the budget " + shown.Name(b.name)
}

// Reserve takes what an attempt could cost out of a hard budget, until Settle.
// It refuses, as QUOTA, what could pass the budget.
func (b *Budget) Reserve(could float64) *Error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if left := b.limit.Amount - b.spent - b.reserved; b.limit.Hard && could > left {
		const format = "an attempt could cost %.6g, but %s has only %.6g left"
		if b.spent+b.reserved == 0 {
			return Errorf(Quota, format, could, b.title(), b.limit.Amount)
		}
		return Errorf(Quota, format+" (%.6g spent, %.6g reserved by attempts under way)", could, b.title(), max(left, 0), b.spent, b.reserved)
	}
	b.reserved += could
	return nil
}

// Settle ends a reservation: cost is what the attempt did cost, nil where that
// is not known; free tells that it certainly cost nothing.
func (b *Budget) Settle(could float64, cost *Cost, free bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reserved = max(b.reserved-could, 0)
	switch {
	case cost != nil && (b.currency == "" || b.currency == cost.Currency):
		b.currency = cost.Currency
		b.spent += cost.Amount
	case cost != nil || !free:
		b.unknown++
		b.spent += could
	}
}

// Budgets are budgets by name. The zero value has none. It is safe for
// concurrent use.
type Budgets struct {
	mu sync.RWMutex // guards what follows
	of map[string]*Budget
}

// Set makes the budget of a name, or gives it another limit: an amount greater
// than 0, or {"amount", "hard"}, as JSON text. Empty text and null remove it.
func (s *Budgets) Set(name string, limit []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(limit) == 0 || string(limit) == "null" {
		delete(s.of, name)
		return nil
	}
	if !json.Valid(limit) {
		return Errorf(InvalidArgument, "the limit of a budget is not valid JSON; %s", expectedCost)
	}
	m, err := readMaxCost("the limit of a budget", "limit", limit)
	if err != nil {
		return err
	}
	if b := s.of[name]; b != nil {
		return b.Set(m)
	}
	b, err := NewBudget(name, m)
	if err != nil {
		return err
	}
	if s.of == nil {
		s.of = map[string]*Budget{}
	}
	s.of[name] = b
	return nil
}

// Resolve gives the options of a call the budgets that they name, and that of
// the name "", which all calls have. Nothing is in it for a bare call: it is
// part of a call that has them.
func (s *Budgets) Resolve(o *CallOptions) error {
	if err := s.Named(o); err != nil || o.Bare {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if b := s.of[""]; b != nil {
		o.WithBudgets(b)
	}
	return nil
}

// Named gives options the budgets that they name.
func (s *Budgets) Named(o *CallOptions) error {
	if len(o.BudgetNames) == 0 {
		return nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, name := range o.BudgetNames {
		b := s.of[name]
		if b == nil {
			return Errorf(InvalidArgument, "option \"budgets\" names %s, which no budget has%s", shown.Text(name), suggest.For(name, slices.Sorted(maps.Keys(s.of))))
		}
		o.Budgets = append(o.Budgets, b)
	}
	o.BudgetNames = nil
	return nil
}

// Reports are the states of all budgets, by name.
func (s *Budgets) Reports() map[string]BudgetReport {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make(map[string]BudgetReport, len(s.of))
	for name, b := range s.of {
		all[name] = b.Report()
	}
	return all
}

func (o *CallOptions) setBudgets(_ string, v []byte) error {
	if v[0] != '[' || JSON.Unmarshal(v, &o.BudgetNames) != nil {
		return Errorf(InvalidArgument, "option \"budgets\" is %s; expected a list of names, such as [\"team\"]", shown.Value(v))
	}
	return nil
}

// checkBudgets refuses what would bound nothing: names that nobody has looked
// up, and budgets that were not made by [NewBudget].
func (o *CallOptions) checkBudgets() error {
	if len(o.BudgetNames) > 0 {
		return Errorf(InvalidArgument, "CallOptions.BudgetNames names %s, and names are for options that are read from text; in Go put the budget itself into Budgets", shown.Text(o.BudgetNames[0]))
	}
	for i, b := range o.Budgets {
		if b == nil || !b.made() {
			return Errorf(InvalidArgument, "CallOptions.Budgets[%d] is nil or was not made by NewBudget", i)
		}
	}
	return nil
}

// made tells whether the budget has a limit, which the zero value has not.
func (b *Budget) made() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.limit.valid()
}

// WithBudgets adds budgets that the options do not have yet.
func (o *CallOptions) WithBudgets(more ...*Budget) {
	for _, b := range more {
		if b != nil && !slices.Contains(o.Budgets, b) {
			o.Budgets = append(slices.Clip(o.Budgets), b)
		}
	}
}

// BoundCost turns the call's max_cost into a budget of its own, which all its
// attempts share, also those at the same time.
func (o *CallOptions) BoundCost() {
	if o.MaxCost != nil {
		o.WithBudgets(&Budget{ofCall: true, limit: *o.MaxCost})
		o.MaxCost = nil
	}
}

const expectedCost = "expected an amount greater than 0, or {\"amount\": 0.05, \"hard\": true}"

// readMaxCost reads a limit of cost; what names it in messages, key the names
// of its fields.
func readMaxCost(what, key string, v []byte) (m MaxCost, err error) {
	wrong := func(v []byte) (MaxCost, error) {
		return MaxCost{}, Errorf(InvalidArgument, "%s is %s; %s", what, shown.Value(v), expectedCost)
	}
	if v[0] != '{' {
		if m.Amount, err = strconv.ParseFloat(string(v), 64); err != nil || !m.valid() {
			return wrong(v)
		}
		return m, nil
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
			if m.Hard, err = boolOption(key+".hard", value); err != nil {
				return m, err
			}
		default:
			return m, Errorf(InvalidArgument, "%s has the unknown key %s%s; %s", what, shown.Name(f.Key), suggest.For(f.Key, []string{"amount", "hard"}), expectedCost)
		}
	}
	if !m.valid() {
		return wrong([]byte(strconv.FormatFloat(m.Amount, 'g', -1, 64)))
	}
	return m, nil
}
