package main

import (
	"testing"

	"go.uber.org/goleak"
)

// The goroutine that begins what is posted stays as long as the process.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/llmagg/llmagg/capi.listen"))
}
