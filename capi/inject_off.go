//go:build !llmagg_inject

package main

// injectPanic does nothing in the library that is shipped.
func injectPanic(string) {}
