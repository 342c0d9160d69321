package faultwall

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// head is an answer's status and headers before they are written.
type head struct {
	status     int
	fields     [][2]string
	own        map[string]bool // lower-case names that the script sets or leaves out
	framing    string
	length     int64
	empty      bool // the status forbids a body
	lastAnswer bool // Connection: close
	quietly    bool // close after the answer without saying so
}

// add adds a header of the wall's own unless the script has a say in it.
func (h *head) add(name, value string) {
	if !h.own[strings.ToLower(name)] {
		h.fields = append(h.fields, [2]string{name, value})
	}
}

// headOf composes the head of an answer.
func headOf(c *call, s *Step, a *answer) *head {
	h := &head{status: a.status, own: map[string]bool{}, length: a.length, framing: s.Framing}
	for name := range s.Headers {
		h.own[strings.ToLower(name)] = true
	}
	h.empty = bodiless(a.status)
	h.frame(s)
	h.add("Date", time.Now().Add(c.ahead).UTC().Format(http.TimeFormat))
	h.add("Server", "faultwall")
	h.add("X-Request-Id", fmt.Sprintf("req-wall-%d", c.number))
	if a.contentType != "" {
		h.add("Content-Type", a.contentType)
	}
	if a.errorType != "" {
		h.add("X-Amzn-Errortype", a.errorType)
	}
	if a.location != "" {
		h.add("Location", expand(a.location, c.url))
	}
	for _, own := range c.head {
		h.add(own[0], own[1])
	}
	if s.Gzip {
		h.add("Content-Encoding", "gzip")
	}
	if s.KeepAlive != nil && !*s.KeepAlive {
		h.lastAnswer = true
	}
	for _, name := range slices.Sorted(maps.Keys(s.Headers)) {
		for _, value := range s.Headers[name] {
			value = strings.NewReplacer("\r", " ", "\n", " ").Replace(expand(value, c.url)) // for broken heads there is Step.Raw
			h.fields = append(h.fields, [2]string{name, value})
		}
	}
	h.fill(s.HeaderBytes)
	return h
}

// frame chooses how the body is delimited.
func (h *head) frame(s *Step) {
	if h.length >= 0 && s.BOM {
		h.length += int64(len(byteOrderMark))
	}
	if s.Gzip {
		h.length = -1
	}
	if cut := s.Cut; cut != nil {
		switch {
		case cut.How == CutMidChunk:
			h.length, h.framing = -1, framingChunked
		case cut.How != CutClean:
		case cut.AfterBytes != nil && h.length >= 0:
			h.length = min(h.length, *cut.AfterBytes)
		case cut.AfterEvents != nil:
			h.length = -1
		case h.length >= 0:
			h.length = 0
		}
	}
	if h.framing == "" || h.framing == framingLength {
		h.framing = framingLength
		if h.length < 0 {
			h.framing = framingChunked
		}
	}
	if s.ContentLength != nil {
		h.framing, h.length, h.quietly = framingLength, *s.ContentLength, true
	}
	if h.empty {
		h.framing, h.length = framingLength, 0
	}
}

// fill adds X-Filler headers of n bytes together, at most 8 KiB each.
func (h *head) fill(n int) {
	for i := 0; n > 0; i++ {
		name := fmt.Sprintf("X-Filler-%d", i)
		size := min(n, 8<<10)
		h.fields = append(h.fields, [2]string{name, strings.Repeat("x", max(size-len(name)-4, 0))})
		n -= size
	}
}

// expand replaces {{url}}, {{date}} and {{date+N}} in a header's value.
func expand(value, url string) string {
	value = strings.ReplaceAll(value, "{{url}}", url)
	before, rest, found := strings.Cut(value, "{{date")
	if !found {
		return value
	}
	offset, after, found := strings.Cut(rest, "}}")
	if !found {
		return value
	}
	ahead := 0.0
	if offset != "" {
		var err error
		if ahead, err = strconv.ParseFloat(offset, 64); err != nil {
			return value
		}
	}
	when := time.Now().Add(seconds(ahead))
	if when.Nanosecond() > 0 {
		when = when.Truncate(time.Second).Add(time.Second)
	}
	return before + when.UTC().Format(http.TimeFormat) + after
}

// seconds converts without overflowing.
func seconds(s float64) time.Duration {
	return time.Duration(math.Min(s*float64(time.Second), math.MaxInt64/2))
}
