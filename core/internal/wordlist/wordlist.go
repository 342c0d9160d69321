// Package wordlist is tables of words that stay text: an [Index] is searched
// where it stands. A map of the same words would be built at each start of a
// process and marked at each garbage collection. It imports nothing of the
// project.
package wordlist

import (
	"slices"
	"strings"
)

// AnyIn tells whether one of some words stands in a text, in whichever place.
//
// Called, not inlined: that makes the library 2 KB smaller.
//
//go:noinline
func AnyIn(text string, words []string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(text, word) })
}

// List is words with white space between them.
type List string

// Has tells whether the list has a word.
func (l List) Has(word string) bool {
	if word == "" || strings.ContainsAny(word, " \n") {
		return false
	}
	for from := 0; ; {
		at := strings.Index(string(l[from:]), word)
		if at < 0 {
			return false
		}
		at, from = from+at, from+at+len(word)
		if (at == 0 || isSpace(l[at-1])) && (from == len(l) || isSpace(l[from])) {
			return true
		}
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' }

// Words gives the words in the order of the list.
func (l List) Words() []string { return strings.Fields(string(l)) }

// Index is lists of words, each with the value of its words. A word is in one
// list only.
type Index[T any] []Entry[T]

// Entry is one list of an [Index].
type Entry[T any] struct {
	Value T
	Words List
}

// Find gives the value of a word, and whether the index has it.
func (x Index[T]) Find(word string) (value T, known bool) {
	for i := range x {
		if x[i].Words.Has(word) {
			return x[i].Value, true
		}
	}
	return value, false
}
