package breaker

// Watch has the breaker send on wake, which needs room for one value, at each
// event after which the route may be usable or may become so at another time:
// a trial ends, the route is switched on. The passing of time is no such event:
// see ReopensAt. Look at the breaker after Watch has returned. stop ends the
// watch.
func (b *Breaker) Watch(wake chan struct{}) (stop func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.watches == nil {
		b.watches = map[chan struct{}]bool{}
	}
	b.watches[wake] = true
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.watches, wake)
	}
}

// wake tells the watches. The caller holds mu.
func (b *Breaker) wake() {
	for wake := range b.watches {
		select {
		case wake <- struct{}{}:
		default: // it has not been looked at since the last event
		}
	}
}
