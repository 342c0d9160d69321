package breaker

// Trial is a half-open probe or a last resort in flight; other calls wait for
// its result. It is safe for concurrent use.
type Trial struct {
	over chan struct{} // closed by end, after ok and err are set
	ok   bool
	err  error
}

func newTrial() *Trial { return &Trial{over: make(chan struct{})} }

// Done is closed when the trial is over. Every trial ends: its deadline sees to
// that.
func (t *Trial) Done() <-chan struct{} { return t.over }

// Result waits for the end and says how the trial went: (true, nil) the route
// works and calls may go in; (false, err) it failed with err; (false, nil) it
// has no result, since it was cancelled, and a waiting call may try for itself.
func (t *Trial) Result() (ok bool, err error) {
	<-t.over
	return t.ok, t.err
}

// end sets the result and wakes the waiting calls. The breaker calls it once,
// under its lock and after it has changed its state, so that they find the
// route as the result says.
func (t *Trial) end(ok bool, err error) {
	t.ok, t.err = ok, err
	close(t.over)
}
