package rate

import (
	"net/http"
	"testing"
	"time"
)

// BenchmarkTakeSettle is what a call of a route with both limits pays; the time
// of its end is known.
func BenchmarkTakeSettle(b *testing.B) {
	l := New(Settings{RPM: 1e9, TPM: 1e11, Burst: time.Second})
	now := time.Now()
	b.ReportAllocs()
	s := Size{Input: 200, Most: 100}
	for b.Loop() {
		d, ok := l.Take(s)
		if !ok {
			b.Fatal("nothing there")
		}
		l.Settle(now, &d, s, 210, 90)
	}
}

// BenchmarkLearnNothing is what each answer of a route pays whose headers tell
// no limit, BenchmarkLearn where they do.
func BenchmarkLearnNothing(b *testing.B) {
	l := New(Settings{Learn: true})
	h := http.Header{"Content-Type": {"application/json"}, "Date": {"Sat, 28 Nov 2026 21:00:00 GMT"}, "Content-Length": {"300"}, "X-Request-Id": {"req_1"}, "Server": {"x"}}
	b.ReportAllocs()
	for b.Loop() {
		l.Learn(h, &Debit{}, 0)
	}
}

func BenchmarkLearn(b *testing.B) {
	l := New(Settings{Learn: true})
	h := http.Header{"Content-Type": {"application/json"}, "Date": {"Sat, 28 Nov 2026 21:00:00 GMT"}, "Content-Length": {"300"}, "X-Request-Id": {"req_1"}, "Server": {"x"}}
	openAIHeaders(&server{tpm: 1e6, rpm: 1e4, level: [2]float64{9e3, 9e5}}, h)
	b.ReportAllocs()
	for b.Loop() {
		l.Learn(h, &Debit{}, 0)
	}
}
