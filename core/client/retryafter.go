package client

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// namedWait is the wait that a server asks for (R4): retry-after-ms (OpenAI),
// else Retry-After in seconds or as an HTTP date (RFC 9110, section 10.2.3).
// Garbage, negative numbers and NaN name no wait; a date in the past names 0.
func namedWait(h http.Header, now time.Time) (time.Duration, bool) {
	if d, ok := positive(h.Get("Retry-After-Ms"), time.Millisecond); ok {
		return d, true
	}
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0, false
	}
	if d, ok := positive(v, time.Second); ok {
		return d, true
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(at.Sub(now), 0), maxNamedWait), true
	}
	return 0, false
}

// positive reads a number of units that is not negative, as at most what the
// route can be blocked for.
func positive(s string, unit time.Duration) (time.Duration, bool) {
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || !(f >= 0) {
		return 0, false
	}
	if most := float64(maxNamedWait) / float64(unit); f > most {
		return maxNamedWait, true
	}
	return time.Duration(f * float64(unit)), true
}
