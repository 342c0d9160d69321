package lineartime

import "testing"

// judge is a test that only notes whether it failed.
type judge struct {
	testing.TB
	failed bool
}

func (*judge) Helper()                 {}
func (j *judge) Errorf(string, ...any) { j.failed = true }

var sink int

func TestOnlyWorkThatIsNotLinearFails(t *testing.T) {
	spin := func(n int) {
		sum := sink
		for range n {
			for i := range 1000 {
				sum += i
			}
		}
		sink = sum
	}
	for name, c := range map[string]struct {
		work   func(n int)
		failed bool
	}{
		"nothing":   {func(int) {}, false},
		"constant":  {func(int) { spin(5_000) }, false},
		"linear":    {func(n int) { spin(20 * n) }, false},
		"quadratic": {func(n int) { spin(n * n / 4) }, true},
	} {
		j := &judge{}
		Check(j, 2_000, func(n int) func() { return func() { c.work(n) } })
		if j.failed != c.failed {
			t.Errorf("%s: failed is %v", name, j.failed)
		}
	}
}
