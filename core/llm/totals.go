package llm

import "time"

// Totals are counts of a route since its first report: nothing is counted
// before somebody asks. They only grow. They are the JSON of a report, too, and
// are written by reflection, which keeps the library small.
type Totals struct {
	Since    float64           `json:"since"`    // seconds since the Unix epoch
	Attempts map[string]uint64 `json:"attempts"` // by the name of their [Code]; without zeros
	Retries  uint64            `json:"retries"`
	// Failovers are the calls and streams that left the route for another one,
	// Hedges those that asked a second route because this one was slow.
	Failovers uint64 `json:"failovers"`
	Hedges    uint64 `json:"hedges"`
	// Cache counts, by CacheHit, CacheJoined and CacheMiss, the calls that had a
	// cache and the route as their first one; nil without such calls.
	Cache  map[string]uint64 `json:"cache,omitempty"`
	Tokens TokenTotals       `json:"tokens"`
	Cost   *TotalSpent       `json:"cost,omitempty"` // nil while no cost is known
	// Duration is that of attempts that answered, FirstToken the time to the
	// first token of attempts that streamed.
	Duration   Histogram `json:"duration"`
	FirstToken Histogram `json:"first_token"`
}

// TokenTotals are counts of tokens as the providers reported them. Input holds
// CachedInput, Output holds Reasoning. Unpriced are those whose cost is not
// known: they are in no cost.
type TokenTotals struct {
	Input       uint64 `json:"input"`
	Output      uint64 `json:"output"`
	CachedInput uint64 `json:"cached_input"`
	Reasoning   uint64 `json:"reasoning"`
	Unpriced    uint64 `json:"unpriced"`
}

// TotalSpent is the known cost of a route's attempts.
type TotalSpent struct {
	Amount   float64 `json:"amount"`
	Currency string  `json:"currency"`
}

// HistogramBuckets is how many buckets a [Histogram] has.
const HistogramBuckets = 14

// Histogram counts durations. Bucket i holds those up to [HistogramBound](i)
// that no bucket before it holds; the last bucket holds all longer ones.
type Histogram struct {
	Sum     float64  `json:"sum"` // seconds
	Buckets []uint64 `json:"buckets"`
}

// HistogramBound is the upper bound of a bucket that is not the last: 20 ms for
// the first, and twice as much for each further one, up to 81.92 s.
func HistogramBound(i int) time.Duration { return 20 * time.Millisecond << i }

// Count is how many durations there are in all.
func (h *Histogram) Count() (n uint64) {
	for _, bucket := range h.Buckets {
		n += bucket
	}
	return n
}
