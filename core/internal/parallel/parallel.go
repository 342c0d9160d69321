// Package parallel does one thing for many at the same time.
package parallel

import "sync"

// Map calls f for each of list, all at the same time, and gives the results in
// the order of list when all have returned.
func Map[T, R any](list []T, f func(T) R) []R {
	results := make([]R, len(list))
	var all sync.WaitGroup
	for i, v := range list {
		all.Go(func() { results[i] = f(v) })
	}
	all.Wait()
	return results
}
