package failure

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// namedWait is the wait that a server asks for (R4): retry-after-ms (OpenAI) or
// x-ms-retry-after-ms (Azure), else Retry-After in seconds or as an HTTP date
// (RFC 9110, section 10.2.3). Garbage, negative numbers, NaN and infinities
// name no wait; a date in the past names 0. A date, or a time in its place,
// counts from the answer's own Date, since the server's clock need not be ours;
// from ours, where that Date is missing or nonsense. Without any of these, a
// limit of which nothing remains names the wait until it is reset.
func namedWait(header func(name string) string, now time.Time) (time.Duration, bool) {
	for _, name := range [...]string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
		if d, ok := positive(header(name), time.Millisecond); ok {
			return d, true
		}
	}
	v, longest := strings.TrimSpace(header("Retry-After")), longestWait
	if v == "" && header("X-RateLimit-Remaining") == "0" {
		v, longest = header("X-RateLimit-Reset"), time.Hour // more are no seconds: some servers count milliseconds
	}
	at, dated := moment(v)
	if !dated {
		if d, ok := positive(v, time.Second); ok {
			return d, d <= longest
		}
		var err error
		if at, err = parseDate(v); err != nil {
			return 0, false
		}
	}
	wait := at.Sub(now)
	if date, err := parseDate(strings.TrimSpace(header("Date"))); err == nil && at.Sub(date).Abs() <= longestSense {
		wait = at.Sub(date)
	}
	return min(max(wait, 0), longestWait), true
}

// moment reads what some servers write in the place of a wait: a time, as the
// seconds or milliseconds since the Unix epoch.
func moment(text string) (time.Time, bool) {
	n, err := strconv.ParseUint(text, 10, 63)
	switch {
	case err != nil || len(text) != 10 && len(text) != 13:
		return time.Time{}, false
	case len(text) == 13:
		return time.UnixMilli(int64(n)), true
	}
	return time.Unix(int64(n), 0), true
}

// parseDate reads an HTTP date, also with a zone that is said otherwise: mail
// libraries write "+0000", "-0000" or "UTC".
func parseDate(text string) (time.Time, error) {
	at, err := http.ParseTime(text)
	if err == nil {
		return at, nil
	}
	for _, zone := range []string{" UTC", " +0000", " -0000", " Z"} {
		if date, found := strings.CutSuffix(text, zone); found {
			return http.ParseTime(date + " GMT")
		}
	}
	return at, err
}

// longestWait is the longest wait that is believed; the breaker blocks its
// route for less.
const longestWait = 365 * 24 * time.Hour

// longestSense is how far two dates of one answer may lie apart to be believed.
// Beyond that the server does not know the time.
const longestSense = 24 * time.Hour

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
