//go:build llmagg_inject

package client

// InjectPanic, if not nil, is called with the name of each piece of work that
// [Client.Rescue] guards, and may panic. Only in builds with the tag
// llmagg_inject, for the tests of what happens then. Set it before any call.
var InjectPanic func(in string)

func injectPanic(in string) {
	if InjectPanic != nil {
		InjectPanic(in)
	}
}
