package aggregator_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// T6, S9: what a vendor cannot do ends a hedged call where the setting of that
// vendor's own route says so, not that of the route beside it.
func TestAHedgeIsJudgedByItsOwnRoute(t *testing.T) {
	cannot := act{err: llm.Errorf(llm.Unsupported, "no tools here")}
	later := act{wait: 3 * time.Second, err: cannot.err}
	slowDown := act{wait: 2 * time.Second, err: down.err}
	for name, c := range map[string]struct {
		strict        string
		first, second act
		code          llm.Code
		trail         string
	}{
		"the strict hedge, last":       {"b", slowDown, later, llm.Unsupported, "a:UNAVAILABLE b:UNSUPPORTED"},
		"the strict hedge, first":      {"b", slowDown, cannot, llm.Unsupported, "a:CANCELED b:UNSUPPORTED"},
		"the lenient hedge, last":      {"a", slowDown, later, llm.OK, "a:UNAVAILABLE b:UNSUPPORTED c:OK"},
		"the lenient hedge, first":     {"a", slowDown, cannot, llm.OK, "a:UNAVAILABLE b:UNSUPPORTED c:OK"},
		"the strict first route, last": {"a", later, down, llm.Unsupported, "a:UNSUPPORTED b:UNAVAILABLE"},
		"the lenient first, last":      {"b", later, down, llm.OK, "a:UNSUPPORTED b:UNAVAILABLE c:OK"},
		"the lenient first, hedge on":  {"b", act{wait: 2 * time.Second, err: cannot.err}, act{wait: 3 * time.Second, text: "yes"}, llm.OK, "a:UNSUPPORTED b:OK"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := play(t, func(name string, cfg *config.Model) {
					cfg.MaxRetries = 1
					if name == c.strict {
						cfg.Unsupported = llm.UnsupportedError
					}
				}, []act{c.first}, []act{c.second}, []act{answer})
				defer s.close(t)
				r, err := s.collect(t, llm.CallOptions{HedgeAfter: time.Second})
				require.Equal(t, c.code, llm.CodeOfError(err), "%v", err)
				if err != nil {
					require.Equal(t, c.trail, trail(llm.AsError(err).Attempts))
					return
				}
				require.Equal(t, c.trail, trail(r.Attempts))
			})
		})
	}
}

// P6, S9: a hedge, like a failover, goes to a route whose window the request
// certainly exceeds only where no other is left.
func TestAHedgeGoesToARouteThatTheRequestFits(t *testing.T) {
	for windows, want := range map[[3]int]string{
		{0, 1, 0}: "a:TIMEOUT c:OK",
		{0, 1, 1}: "a:TIMEOUT b:OK",
		{0, 0, 1}: "a:TIMEOUT b:OK",
	} {
		synctest.Test(t, func(t *testing.T) {
			s := play(t, func(name string, cfg *config.Model) {
				cfg.ContextWindow = windows[name[0]-'a']
			}, []act{{wait: 2 * time.Second, text: "slow"}}, []act{answer}, []act{answer})
			defer s.close(t)
			r, err := s.collect(t, llm.CallOptions{HedgeAfter: time.Second})
			require.NoError(t, err)
			require.Equal(t, want, trail(r.Attempts))
		})
	}
}

// T6, S8: with "unsupported": "error" a stream that ends so does not begin
// again elsewhere.
func TestAStrictRouteEndsARestart(t *testing.T) {
	for _, strict := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := play(t, nil, []act{{text: "some", err: llm.Errorf(llm.Unsupported, "no more of it")}}, []act{answer})
			defer s.close(t)
			o := llm.CallOptions{OnInterrupt: llm.InterruptRestart}
			if strict {
				o.Unsupported = llm.UnsupportedError
			}
			_, err := s.collect(t, o)
			if !strict {
				require.NoError(t, err)
				return
			}
			require.Equal(t, llm.Unsupported, llm.CodeOfError(err))
			require.Equal(t, "some", llm.AsError(err).Partial)
		})
	}
}
