package contract

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Scorecard collects the results of all cases in all doors. Its zero value is
// ready; Add and Expect may be called from any goroutine.
type Scorecard struct {
	mu      sync.Mutex // guards what follows
	cases   []*Case
	results map[string]map[string]*Result // by case and door
}

// Expect says which cases the scorecard is about; one without a result in a
// door counts as failed there.
func (s *Scorecard) Expect(cases []*Case) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cases = cases
}

// Add enters a result.
func (s *Scorecard) Add(r *Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.results == nil {
		s.results = map[string]map[string]*Result{}
	}
	if s.results[r.Case.Name] == nil {
		s.results[r.Case.Name] = map[string]*Result{}
	}
	s.results[r.Case.Name][r.Door] = r
}

// The verdicts about a case in a door, the best one first.
const (
	passed  = "pass"
	partial = "partial"
	left    = "left out"
	failed  = "fail"
)

var verdicts = []string{passed, partial, left, failed}

// verdict judges a case in a door; the reasons are empty for a pass.
func (s *Scorecard) verdict(c *Case, door string) (verdict string, reasons []string) {
	r := s.results[c.Name][door]
	switch {
	case r == nil:
		return failed, []string{"it was not run"}
	case len(r.Failures) > 0:
		return failed, r.Failures
	case r.Without != "":
		return left, []string{r.Without}
	case len(r.Partly) > 0:
		return partial, r.Partly
	}
	return passed, nil
}

// Fails counts the failures, over all doors.
func (s *Scorecard) Fails() int { return s.count()[failed] }

func (s *Scorecard) count() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := map[string]int{}
	for _, c := range s.cases {
		for _, door := range Doors {
			verdict, _ := s.verdict(c, door)
			counts[verdict]++
		}
	}
	return counts
}

func (s *Scorecard) counted() string {
	counts := s.count()
	parts := []string{fmt.Sprintf("%d cases", len(s.cases))}
	for _, verdict := range verdicts {
		parts = append(parts, fmt.Sprintf("%d × %s", counts[verdict], verdict))
	}
	return strings.Join(parts, ", ")
}

// Table is the scorecard for a terminal.
func (s *Scorecard) Table() string {
	var b strings.Builder
	row := func(name, clauses, goes, c, python, seconds string) {
		fmt.Fprintf(&b, "%-32s %-9s %-9s %-9s %7s  %s\n", name, goes, c, python, seconds, clauses)
	}
	row("case", "clauses", "go", "c", "python", "seconds")
	for _, c := range s.cases {
		var cells, reasons []string
		longest := time.Duration(0)
		for _, door := range Doors {
			verdict, why := s.verdict(c, door)
			cells = append(cells, verdict)
			for _, reason := range why {
				reasons = append(reasons, fmt.Sprintf("    %s %s: %s\n", door, verdict, reason))
			}
			if r := s.results[c.Name][door]; r != nil {
				longest = max(longest, r.Duration)
			}
		}
		row(c.Name, strings.Join(c.Clauses, " "), cells[0], cells[1], cells[2], fmt.Sprintf("%.2f", longest.Seconds()))
		b.WriteString(strings.Join(reasons, ""))
	}
	fmt.Fprintf(&b, "%s\n", s.counted())
	return b.String()
}

// groups are the sections of the page, by the letter of their clauses.
var groups = []struct{ letter, title string }{
	{"E", "Errors"}, {"D", "Deadlines"}, {"R", "Retries"}, {"P", "Order of routes"}, {"B", "Breaker"}, {"C", "Concurrency"}, {"S", "Streams"},
	{"T", "Tolerance"}, {"V", "Vectors"}, {"L", "Limits and trust"}, {"O", "Trail, events, health"}, {"K", "Kept answers"}, {"M", "Money"},
}

// Markdown is the scorecard as a page.
func (s *Scorecard) Markdown(date time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Scorecard\n\nWritten by `make wall` on %s: %s.\n\n", date.Format(time.DateOnly), s.counted())
	b.WriteString("Each case runs on the fault wall through three doors: Go, a compiled C program, and Python. It is judged from both sides: by what\n" +
		"the caller got and by what the provider saw. The cases are data, in `tests/contract`; its README says how they are written.\n" +
		"*partial*: a step cannot occur in this door; *left out*: the case cannot. The reasons are at the end. The clauses are those of\n" +
		"[promises.md](promises.md), of which each first sentence is shown.\n\n## Clauses\n")
	for _, g := range groups {
		fmt.Fprintf(&b, "\n### %s. %s\n\n| clause | Go | C | Python | cases |\n|---|---|---|---|---|\n", g.letter, g.title)
		for _, clause := range Clauses() {
			if strings.HasPrefix(clause, g.letter) {
				s.clauseRow(&b, clause)
			}
		}
	}
	b.WriteString("\n## Cases\n\n| case | Go | C | Python | what it shows |\n|---|---|---|---|---|\n")
	var reasons []string
	for _, c := range s.cases {
		fmt.Fprintf(&b, "| `%s` |", c.Name)
		for _, door := range Doors {
			verdict, why := s.verdict(c, door)
			fmt.Fprintf(&b, " %s |", verdict)
			for _, reason := range why {
				first, _, _ := strings.Cut(reason, "\n")
				reasons = append(reasons, fmt.Sprintf("- `%s`, %s, %s: %s\n", c.Name, door, verdict, first))
			}
		}
		fmt.Fprintf(&b, " %s |\n", strings.ReplaceAll(c.Title, "|", "\\|"))
	}
	fmt.Fprintf(&b, "\n## Reasons\n\n%s", strings.Join(reasons, ""))
	return b.String()
}

// clauseRow shows a clause with its cases, and for each door the best verdict
// about it, unless one of its cases failed there.
func (s *Scorecard) clauseRow(b *strings.Builder, clause string) {
	var names []string
	best := map[string]int{}
	for _, c := range s.cases {
		if !slices.Contains(c.Clauses, clause) {
			continue
		}
		names = append(names, "`"+c.Name+"`")
		for _, door := range Doors {
			verdict, _ := s.verdict(c, door)
			n := slices.Index(verdicts, verdict)
			if old, ok := best[door]; !ok || verdict == failed || old != len(verdicts)-1 && n < old {
				best[door] = n
			}
		}
	}
	name := strings.Replace(clause, "E:", "E: ", 1)
	if words := Words(clause); words != "" {
		name += ": " + strings.TrimRight(strings.ReplaceAll(words, "|", "\\|"), ".;:")
	}
	fmt.Fprintf(b, "| %s |", name)
	for _, door := range Doors {
		if n, ok := best[door]; ok {
			fmt.Fprintf(b, " %s |", verdicts[n])
		} else {
			b.WriteString(" – |")
		}
	}
	fmt.Fprintf(b, " %s |\n", strings.Join(names, ", "))
}
