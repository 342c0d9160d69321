package contract

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"github.com/llmagg/llmagg/core/llm"
)

// Promise is one line of docs/promises.md.
type Promise struct {
	Clause string // "R2"
	Words  string // its first sentence
}

var promiseLine = regexp.MustCompile(`(?m)^- \*\*([A-Z]\d+)\*\* ((?:\x60[^\x60]*\x60|[^\x60\n])+?[.;:])(?: |$)`)

// Promises are the lines of docs/promises.md, in their order. The page is
// looked for in the working directory and above it.
var Promises = sync.OnceValues(func() ([]Promise, error) {
	page, err := readAbove("docs/promises.md")
	if err != nil {
		return nil, err
	}
	var all []Promise
	for _, m := range promiseLine.FindAllSubmatch(page, -1) {
		all = append(all, Promise{string(m[1]), string(m[2])})
	}
	return all, nil
})

func readAbove(name string) ([]byte, error) {
	folder, err := os.Getwd()
	for err == nil {
		data, missing := os.ReadFile(filepath.Join(folder, name))
		above := filepath.Dir(folder)
		if missing == nil || !errors.Is(missing, os.ErrNotExist) || above == folder {
			return data, missing
		}
		folder = above
	}
	return nil, err
}

// Clauses lists what a case may say it proves: each line of the promises
// ("R2"), and each row of the table of errors ("E:RATE_LIMIT").
func Clauses() []string {
	promises, err := Promises()
	if err != nil {
		panic(err) // a checkout without its documents
	}
	var all []string
	for _, p := range promises {
		all = append(all, p.Clause)
	}
	for _, code := range llm.Codes() {
		all = append(all, "E:"+code.String())
	}
	return all
}

// Words is the first sentence of a clause's promise, "" for a row of the table
// of errors.
func Words(clause string) string {
	promises, _ := Promises()
	for _, p := range promises {
		if p.Clause == clause {
			return p.Words
		}
	}
	return ""
}

// Unproved lists the clauses that no case says it proves.
func Unproved(cases []*Case) []string {
	proved := map[string]bool{}
	for _, c := range cases {
		for _, clause := range c.Clauses {
			proved[clause] = true
		}
	}
	var missing []string
	for _, clause := range Clauses() {
		if !proved[clause] {
			missing = append(missing, clause)
		}
	}
	return missing
}
