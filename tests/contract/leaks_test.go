package contract

import (
	"context"
	"fmt"
	"runtime/pprof"
	"strings"
	"time"
)

// caseLabel marks the goroutines of a case. One that a goroutine starts has its
// labels, so that what a case leaves behind is told from what the cases of the
// other doors, beside it, are doing.
const caseLabel = "contract case"

// leakPatience is how long goroutines may take to end after a case: they are
// told to, but nobody is told when they have.
const leakPatience = 5 * time.Second

// labelled runs f and all that it starts under the name.
func labelled(name string, f func()) {
	pprof.Do(context.Background(), pprof.Labels(caseLabel, name), func(context.Context) { f() })
}

// leaked gives the stacks of the goroutines that a case has left, "" when all
// of them have ended. It looks again and again, since nothing tells when one
// has.
func leaked(name string) string {
	for limit := time.Now().Add(leakPatience); ; time.Sleep(5 * time.Millisecond) {
		left := goroutinesOf(name)
		if left == "" || time.Now().After(limit) {
			return left
		}
	}
}

func goroutinesOf(name string) string {
	var all strings.Builder
	if err := pprof.Lookup("goroutine").WriteTo(&all, 1); err != nil {
		return err.Error()
	}
	mark := fmt.Sprintf("%q:%q", caseLabel, name)
	var found []string
	for _, stack := range strings.Split(all.String(), "\n\n") {
		if strings.Contains(stack, mark) {
			found = append(found, stack)
		}
	}
	return strings.Join(found, "\n\n")
}
