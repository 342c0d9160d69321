package failure

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/breaker"
	"github.com/stretchr/testify/require"
)

func TestADateCountsFromTheAnswersOwn(t *testing.T) {
	now := time.Date(2025, 3, 14, 15, 9, 26, 0, time.UTC)
	at := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	epoch := func(d time.Duration) string { return strconv.FormatInt(now.Add(d).Unix(), 10) }
	for name, c := range map[string]struct {
		date, after string
		want        time.Duration
	}{
		"equal clocks":               {at(0), at(2 * time.Second), 2 * time.Second},
		"an hour behind":             {at(-time.Hour), at(-time.Hour + 2*time.Second), 2 * time.Second},
		"an hour ahead":              {at(time.Hour), at(time.Hour + 2*time.Second), 2 * time.Second},
		"a year behind":              {at(-365 * 24 * time.Hour), at(-365*24*time.Hour + 2*time.Second), 2 * time.Second},
		"before its own Date":        {at(0), at(-time.Minute), 0},
		"before its own, we later":   {at(-time.Hour), at(-2 * time.Hour), 0},
		"no Date":                    {"", at(2 * time.Second), 2 * time.Second},
		"a Date that is no date":     {"yesterday", at(2 * time.Second), 2 * time.Second},
		"a Date of 1970":             {"Thu, 01 Jan 1970 00:00:00 GMT", at(2 * time.Second), 2 * time.Second},
		"a Date of 2099":             {"Thu, 01 Jan 2099 00:00:00 GMT", at(2 * time.Second), 2 * time.Second},
		"a Date in RFC 850's form":   {"Friday, 14-Mar-25 14:09:26 GMT", "Friday, 14-Mar-25 14:09:28 GMT", 2 * time.Second},
		"seconds need no Date":       {"Thu, 01 Jan 1970 00:00:00 GMT", "2", 2 * time.Second},
		"seconds of the epoch":       {at(-time.Hour), epoch(-time.Hour + 2*time.Second), 2 * time.Second},
		"milliseconds of the epoch":  {at(24 * time.Hour), epoch(24*time.Hour+2*time.Second) + "000", 2 * time.Second},
		"the epoch without a Date":   {"", epoch(2 * time.Second), 2 * time.Second},
		"a wait beyond what is sane": {at(0), at(48 * time.Hour), 48 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{"Retry-After": {c.after}}
			if c.date != "" {
				h.Set("Date", c.date)
			}
			got, named := namedWait(h.Get, now)
			require.True(t, named)
			require.Equal(t, c.want, got)
		})
	}
}

func TestNamedWait(t *testing.T) {
	now := time.Date(2025, 3, 14, 15, 9, 26, 0, time.UTC)
	for name, c := range map[string]struct {
		ms, after string // retry-after-ms, Retry-After
		want      time.Duration
		none      bool
	}{
		"nothing":               {none: true},
		"seconds":               {after: "7", want: 7 * time.Second},
		"zero":                  {after: "0", want: 0},
		"fraction":              {after: "1.5", want: 1500 * time.Millisecond},
		"blanks":                {after: "  7 ", want: 7 * time.Second},
		"negative":              {after: "-5", none: true},
		"negative, ten letters": {after: "-999999999", none: true},
		"ten letters, a sign":   {after: "+999999999", none: true},
		"NaN":                   {after: "NaN", none: true},
		"infinite":              {after: "Inf", none: true},
		"infinity":              {after: "+Infinity", none: true},
		"hexadecimal":           {after: "0x10", none: true},
		"exponent":              {after: "1e3", none: true},
		"underscore":            {after: "1_000", none: true},
		"two points":            {after: "1.2.3", none: true},
		"a point":               {after: ".", none: true},
		"text":                  {after: "soon", none: true},
		"with unit":             {after: "7s", none: true},
		"ten digits":            {after: "9999999999", want: breaker.MaxRetryAfter},
		"400 digits":            {after: strings.Repeat("9", 400), none: true},
		"date":                  {after: "Fri, 14 Mar 2025 15:09:36 GMT", want: 10 * time.Second},
		"date in the past":      {after: "Fri, 14 Mar 2025 15:00:00 GMT", want: 0},
		"date far off":          {after: "Sat, 14 Mar 2026 15:00:00 GMT", want: breaker.MaxRetryAfter},
		"RFC 850 date":          {after: "Friday, 14-Mar-25 15:09:36 GMT", want: 10 * time.Second},
		"date of a mail":        {after: "Fri, 14 Mar 2025 15:09:36 -0000", want: 10 * time.Second},
		"date with its zone":    {after: "Fri, 14 Mar 2025 15:09:36 +0000", want: 10 * time.Second},
		"date in UTC":           {after: "Fri, 14 Mar 2025 15:09:36 UTC", want: 10 * time.Second},
		"asctime date":          {after: "Fri Mar 14 15:09:36 2025", want: 10 * time.Second},
		"date of another form":  {after: "2025-03-14T15:09:36Z", none: true},
		"milliseconds":          {ms: "250", want: 250 * time.Millisecond},
		"half a millisecond":    {ms: "0.5", want: 500 * time.Microsecond},
		"milliseconds first":    {ms: "250", after: "9", want: 250 * time.Millisecond},
		"milliseconds garbage":  {ms: "many", after: "9", want: 9 * time.Second},
		"milliseconds negative": {ms: "-1", after: "9", want: 9 * time.Second},
		"milliseconds huge":     {ms: "99999999999", want: breaker.MaxRetryAfter},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			if c.ms != "" {
				h.Set("retry-after-ms", c.ms)
			}
			if c.after != "" {
				h.Set("Retry-After", c.after)
			}
			got, named := namedWait(h.Get, now)
			require.Equal(t, !c.none, named)
			if c.want == breaker.MaxRetryAfter { // as far as it matters
				got = min(got, breaker.MaxRetryAfter)
			}
			require.Equal(t, c.want, got)
		})
	}
}
