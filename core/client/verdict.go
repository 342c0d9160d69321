package client

// verdict is the outcome of a trial (a forced try or a half-open probe) for which other calls wait. Safe for concurrent use.
type verdict struct {
	over chan struct{} // closed by close, after ok and err are set
	ok   bool
	err  error
}

func newVerdict() *verdict { return &verdict{over: make(chan struct{})} }

// done is closed when the trial is over. Every trial ends: its deadline sees to that.
func (v *verdict) done() <-chan struct{} { return v.over }

// result waits for the end and says how the trial went: (true, nil) the route works and calls may go in; (false, err) it failed
// with err; (false, nil) there is no verdict, since the trial was cancelled, and a waiter may try for itself.
func (v *verdict) result() (ok bool, err error) {
	<-v.over
	return v.ok, v.err
}

// close sets the outcome and wakes the waiters; the gate calls it once, under its lock, after it has changed its state, so
// that waiters find the route as the verdict says.
func (v *verdict) close(ok bool, err error) {
	v.ok, v.err = ok, err
	close(v.over)
}
