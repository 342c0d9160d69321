package jsontext_test

import (
	"testing"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

func TestTallyRest(t *testing.T) {
	for _, c := range []struct {
		came        []string
		whole, rest string
		agrees      bool
	}{
		{nil, "", "", true},
		{nil, "One", "One", true},
		{[]string{"One", " two"}, "One two", "", true},
		{[]string{"One", " two"}, "One two three", " three", true},
		{[]string{" One ", "two\n"}, "One two", "", true},
		{[]string{"One two\n"}, "One two\n\nthree", "\nthree", true},
		{[]string{"One two"}, "One two\n", "\n", true},
		{[]string{"{\"x\":1}"}, "{\"x\": 1}", "", true},
		{[]string{"One", " three"}, "One two three", "", false},
		{[]string{"One", " three"}, "One seven", "", false},
		{[]string{"<think>hm</think>", "One"}, "One", "", true},
		{[]string{"gr\xc3", "\xbcn"}, "grün!", "!", true},
	} {
		var tally jsontext.Tally
		for _, piece := range c.came {
			tally.Add(piece)
		}
		if rest, agrees := tally.Rest(c.whole); rest != c.rest || agrees != c.agrees {
			t.Errorf("%q after %q: %q, %v; want %q, %v", c.whole, c.came, rest, agrees, c.rest, c.agrees)
		}
	}
}
