//go:build !race

package jsontext

import (
	"testing"

	"github.com/llmagg/llmagg/tests/lineartime"
)

func TestRepeatedNamesLinearTime(t *testing.T) {
	lineartime.Check(t, 20_000, func(n int) func() {
		data := manyNames(n)
		return func() { Repeated(data) }
	})
}
