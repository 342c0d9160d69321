package breaker

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// settings fills what a test leaves open with the documented numbers.
func settings(s Settings) Settings {
	if s.Failures == 0 {
		s.Failures = 5
	}
	if s.Ratio == 0 {
		s.Ratio = 0.5
	}
	if s.MinRequests == 0 {
		s.MinRequests = 10
	}
	if s.Window == 0 {
		s.Window = 30 * time.Second
	}
	if s.Open == 0 {
		s.Open = 10 * time.Second
	}
	if s.Block == 0 {
		s.Block = 60 * time.Second
	}
	return s
}

// windowCounts are what a circuit knows of the present period.
type windowCounts struct {
	successes, failures uint32 // within the window
	inARow              uint32 // failures since the last success
}

func (c *circuit) counts() windowCounts {
	c.cb.State() // moves the window; Counts does not
	n := c.cb.Counts()
	return windowCounts{successes: n.TotalSuccesses, failures: n.TotalFailures, inARow: c.inARow}
}
