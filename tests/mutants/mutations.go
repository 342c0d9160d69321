package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/tests/contract"
)

// atLeast is how many mutations the list must hold.
const atLeast = 200

// A mutation changes one line of the core so that one clause is broken.
type mutation struct {
	Name   string `json:"name"`
	Clause string `json:"clause"` // as contract.Clauses has it: "R2", "E:QUOTA"
	File   string `json:"file"`   // relative to the module's folder, in core/
	// Original stands exactly once in the file, within one line; Mutated takes
	// its place.
	Original string   `json:"original"`
	Mutated  string   `json:"mutated"`
	Cases    []string `json:"cases"` // the contract cases that must fail, each of which claims the clause
	Why      string   `json:"why"`   // what would happen to a caller
}

//go:embed mutants.json
var list []byte

// mutations reads the list.
func mutations() ([]mutation, error) {
	var all []mutation
	d := json.NewDecoder(bytes.NewReader(list))
	d.DisallowUnknownFields()
	if err := d.Decode(&all); err != nil {
		return nil, fmt.Errorf("mutants.json: %w", err)
	}
	return all, nil
}

// chosen are the mutations whose name, clause or case matches the pattern.
func chosen(all []mutation, pattern string) ([]mutation, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(all), func(m mutation) bool {
		return !re.MatchString(m.Name) && !re.MatchString(m.Clause) && !slices.ContainsFunc(m.Cases, re.MatchString)
	}), nil
}

// apply gives the mutated text of the file under root, the module's folder.
func (m *mutation) apply(root string) ([]byte, error) {
	if strings.Contains(m.Original+m.Mutated, "\n") {
		return nil, errors.New("a mutation stays within one line")
	}
	if m.Original == "" || m.Original == m.Mutated {
		return nil, errors.New("the mutation changes nothing")
	}
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m.File)))
	if err != nil {
		return nil, err
	}
	if n := bytes.Count(text, []byte(m.Original)); n != 1 {
		return nil, fmt.Errorf("%q stands %d times in %s; expected exactly once", m.Original, n, m.File)
	}
	return bytes.Replace(text, []byte(m.Original), []byte(m.Mutated), 1), nil
}

// unchanged is where in Original the change begins.
func (m *mutation) unchanged() int {
	n := 0
	for n < len(m.Original)-1 && n < len(m.Mutated) && m.Original[n] == m.Mutated[n] {
		n++
	}
	return n
}

// keep gives the text as it is.
func (m *mutation) keep(root string) ([]byte, error) {
	return os.ReadFile(filepath.Join(root, filepath.FromSlash(m.File)))
}

// check says what is wrong with the mutation, beside that it might survive.
func (m *mutation) check(root string, cases map[string]*contract.Case) error {
	var problems []error
	problem := func(format string, values ...any) { problems = append(problems, fmt.Errorf(format, values...)) }
	if m.Name == "" || m.Why == "" || len(m.Cases) == 0 {
		problem("name, why and cases are required")
	}
	if !slices.Contains(contract.Clauses(), m.Clause) {
		problem("unknown clause %q", m.Clause)
	}
	if !strings.HasPrefix(m.File, "core/") || strings.HasPrefix(m.File, "core/faultwall/") || strings.HasSuffix(m.File, "_test.go") {
		problem("%q is no file of the core", m.File)
	} else if _, err := m.apply(root); err != nil {
		problem("%w", err)
	}
	for _, name := range m.Cases {
		switch c := cases[name]; {
		case c == nil:
			problem("there is no case %q", name)
		case !slices.Contains(c.Clauses, m.Clause):
			problem("the case %q does not claim %s", name, m.Clause)
		case c.Without["go"] != "":
			problem("the case %q is not run through the Go door", name)
		}
	}
	return errors.Join(problems...)
}
