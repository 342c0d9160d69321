//go:build !llmagg_inject

package client

// injectPanic does nothing in what is shipped.
func injectPanic(string) {}
