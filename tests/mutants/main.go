package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/llmagg/llmagg/tests/contract"
)

func main() {
	pattern := flag.String("run", "", "only the mutants whose name, clause or case matches this regular expression")
	why := flag.Bool("why", false, "say which failure caught each mutant")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := table(ctx, ".", *pattern, *why)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// table tries the mutants one after the other and prints a line for each; the
// error says how many were not caught.
func table(ctx context.Context, root, pattern string, why bool) error {
	all, err := mutations()
	if err != nil {
		return err
	}
	if all, err = chosen(all, pattern); err != nil {
		return err
	}
	if len(all) == 0 {
		return fmt.Errorf("no mutant matches %q", pattern)
	}
	if err := checkAll(root, all); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	w := &workshop{root: root, folder: folder}
	begun := time.Now()
	if err := w.build(ctx, all); err != nil {
		return err
	}
	fmt.Printf("%d mutants in one binary, %d in one of their own; compiled in %.0f s\n", len(all)-len(w.alone), len(w.alone), time.Since(begun).Seconds())
	missed := w.tryAll(ctx, all, why)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	fmt.Printf("%d mutants, %d caught, %d not, %.0f s\n", len(all), len(all)-missed, missed, time.Since(begun).Seconds())
	if missed > 0 {
		return fmt.Errorf("%d mutants were not caught by the scenarios of their clauses", missed)
	}
	return nil
}

// tryAll tries the mutants, as many at a time as the cases are run at a time
// elsewhere, and prints a line for each in the list's order.
func (w *workshop) tryAll(ctx context.Context, all []mutation, why bool) (missed int) {
	results := make([]chan result, len(all))
	for i := range results {
		results[i] = make(chan result, 1)
	}
	var next atomic.Int64
	for range runtime.NumCPU() + 1 {
		go func() {
			for i := next.Add(1) - 1; int(i) < len(all); i = next.Add(1) - 1 {
				results[i] <- w.try(ctx, &all[i])
			}
		}()
	}
	rows := newColumns(all)
	rows.print("mutant", "clause", "case", "result", "seconds")
	for i, m := range all {
		r := <-results[i]
		if ctx.Err() != nil {
			return missed
		}
		rows.print(m.Name, m.Clause, strings.Join(m.Cases, ","), r.what, fmt.Sprintf("%.1f", r.took.Seconds()))
		if r.what != caught {
			missed++
			fmt.Printf("    %s\n    %s: %s → %s\n", r.details, m.File, m.Original, m.Mutated)
		} else if why {
			fmt.Printf("    %s\n", r.details)
		}
	}
	return missed
}

func checkAll(root string, all []mutation) error {
	cases, err := loadCases(root)
	if err != nil {
		return err
	}
	for i := range all {
		if err := all[i].check(root, cases); err != nil {
			return fmt.Errorf("%s: %w", all[i].Name, err)
		}
	}
	return nil
}

func loadCases(root string) (map[string]*contract.Case, error) {
	loaded, err := contract.Load(root + "/tests/contract")
	if err != nil {
		return nil, err
	}
	cases := map[string]*contract.Case{}
	for _, c := range loaded {
		cases[c.Name] = c
	}
	return cases, nil
}

// columns are the widths of the table's first three.
type columns [3]int

func newColumns(all []mutation) columns {
	var c columns
	for _, m := range all {
		c = columns{max(c[0], len(m.Name)), max(c[1], len(m.Clause)), max(c[2], len(strings.Join(m.Cases, ",")))}
	}
	return columns{max(c[0], len("mutant")), max(c[1], len("clause")), max(c[2], len("case"))}
}

func (c columns) print(mutant, clause, name, what, seconds string) {
	fmt.Printf("%-*s  %-*s  %-*s  %-8s  %7s\n", c[0], mutant, c[1], clause, c[2], name, what, seconds)
}
