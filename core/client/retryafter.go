package client

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// namedWait is the wait that a server asks for (R4): retry-after-ms (OpenAI),
// else Retry-After in seconds or as an HTTP date (RFC 9110, section 10.2.3).
// Garbage, negative numbers, NaN and infinities name no wait; a date in the
// past names 0.
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
		return min(max(at.Sub(now), 0), longestWait), true
	}
	return 0, false
}

// longestWait bounds what a server can be understood to ask for; the gate
// blocks its route for less.
const longestWait = 365 * 24 * time.Hour

// positive reads a decimal number of units that is not negative.
func positive(s string, unit time.Duration) (time.Duration, bool) {
	s = strings.TrimSpace(s)
	if strings.Trim(s, "0123456789.") != "" {
		return 0, false // signs, exponents, Inf, hexadecimals
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, false
	}
	if most := float64(longestWait) / float64(unit); f > most {
		return longestWait, true
	}
	return time.Duration(f * float64(unit)), true
}
