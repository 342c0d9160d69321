package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// TestMutationsStillApply keeps the list true to the core and to the cases; the
// mutants themselves are run by `make wall-mutants`.
func TestMutationsStillApply(t *testing.T) {
	all, err := mutations()
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(all), atLeast)
	cases, err := loadCases(root)
	require.NoError(t, err)
	names, letters := map[string]bool{}, map[string]bool{}
	for i := range all {
		m := &all[i]
		require.False(t, names[m.Name], "two mutations are called %q", m.Name)
		names[m.Name] = true
		letters[m.Clause[:1]] = true
		require.NoError(t, m.check(root, cases), m.Name)
	}
	for _, letter := range strings.Split("EDRBCSTLO", "") {
		require.True(t, letters[letter], "no mutation breaks a clause of %s", letter)
	}
}

func TestMutationsThatCannotBe(t *testing.T) {
	cases, err := loadCases(root)
	require.NoError(t, err)
	good := mutation{Name: "x", Clause: "R4", File: "core/failure/retryafter.go", Original: "\"Retry-After-Ms\"", Mutated: "\"Retry\"", Cases: []string{"retry_after_forms"}, Why: "y"}
	require.NoError(t, good.check(root, cases))
	for what, spoil := range map[string]func(m *mutation){
		"unknown clause":        func(m *mutation) { m.Clause = "R99" },
		"no file of the core":   func(m *mutation) { m.File = "tests/contract/run.go" },
		"does not claim S1":     func(m *mutation) { m.Clause = "S1" },
		"no case":               func(m *mutation) { m.Cases = []string{"nowhere"} },
		"stands 0 times":        func(m *mutation) { m.Original = "no such text" },
		"expected exactly once": func(m *mutation) { m.Original = "return" },
		"changes nothing":       func(m *mutation) { m.Mutated = m.Original },
		"within one line":       func(m *mutation) { m.Mutated = "a\nb" },
		"required":              func(m *mutation) { m.Why = "" },
	} {
		m := good
		spoil(&m)
		require.ErrorContains(t, m.check(root, cases), what)
	}
}

func TestJudge(t *testing.T) {
	failed := errors.New("exit status 1")
	passes := "=== RUN   TestContract/go/a\n    --- PASS: TestContract/go/a (0.00s)\n"
	fails := "    contract_test.go:81: steps[0]: too late\n    --- FAIL: TestContract/go/b (0.00s)\n"
	for _, c := range []struct {
		output, cases string
		ctx, exit     error
		what          string
	}{
		{passes, "a", nil, nil, survived},
		{fails, "b", nil, failed, caught},
		{passes + fails, "a,b", nil, failed, survived},
		{passes, "c", nil, nil, notRun},
		{"    --- SKIP: TestContract/go/a (0.00s)\n", "a", nil, nil, notRun},
		{fails + "\npanic: boom\n", "b", nil, failed, crashed},
		{fails, "b", context.DeadlineExceeded, failed, hung},
	} {
		r := judge(c.output, strings.Split(c.cases, ","), c.ctx, c.exit)
		require.Equal(t, c.what, r.what, c.output)
		if r.what == caught {
			require.Equal(t, "steps[0]: too late", r.details)
		}
	}
}
