package callstate

import (
	"context"
	"testing"
)

var sink context.Context

// What a scope saves: the context of a call that makes one attempt.
func BenchmarkScope(b *testing.B) {
	outer, stop := context.WithCancel(context.Background())
	defer stop()
	b.Run("scope", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s := Within(outer)
			ctx, cancel := s.ForAttempt()
			sink = ctx
			cancel(nil)
			s.End(nil)
		}
	})
	b.Run("context", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			call, end := context.WithCancelCause(outer)
			ctx, cancel := context.WithCancelCause(call)
			sink = ctx
			cancel(nil)
			end(nil)
		}
	})
}
