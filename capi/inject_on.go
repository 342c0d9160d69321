//go:build llmagg_inject

package main

import "github.com/llmagg/llmagg/core/client"

func init() { client.InjectPanic = injectPanic }

// injectPanic panics where the environment variable LLMAGG_INJECT_PANIC names
// the export or goroutine. Only in builds with the tag llmagg_inject, for the
// tests of what happens then.
func injectPanic(name string) {
	if at, _ := getenv("LLMAGG_INJECT_PANIC"); at == name {
		panic("injected into " + name)
	}
}
