package main

import (
	"cmp"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// outcome is what one check came to.
type outcome struct {
	words string
	err   error
}

// result is all about one server.
type result struct {
	server   *server
	version  string
	problem  error                         // it did not start, or did not end
	outcomes map[string]map[string]outcome // check, door
	quirks   []quirk
}

const introduction = `# Servers that others wrote

llmagg has to get along with servers, not with our idea of them. ` + "`make real-servers`" + ` installs servers from PyPI, npm and Go's modules
beside the sources (` + "`build/real-servers`" + `), runs each on a loopback port and calls it through the Go and the Python library. It also looks at
the wire by itself and notes where a server differs from OpenAI's own. Each such quirk is kept as a contract case, so that it is
tried without these servers, through all doors, in each run of the tests. It is not part of ` + "`make test`" + `, since it needs the registries.

This page is written by that command; do not edit it.
`

// page is docs/real-servers.md.
func page(results []*result, doors []string, now time.Time) string {
	var b strings.Builder
	b.WriteString(introduction)
	fmt.Fprintf(&b, "\nLast run: %s, %s/%s, %s, Python %s, Node.js %s; doors: %s.\n\n", now.UTC().Format("2006-01-02 15:04 UTC"), runtime.GOOS, runtime.GOARCH,
		runtime.Version(), toolVersion("python3", "--version"), toolVersion("node", "--version"), strings.Join(doors, ", "))
	b.WriteString("| server | packages | from | written in | checks passed | quirks |\n|---|---|---|---|---|---|\n")
	for _, r := range results {
		passed, all := r.passed()
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | %s | %d of %d | %d |\n", r.server.title, anchor(r.server.title), r.version, r.server.registry, r.server.language, passed, all, len(r.quirks))
	}
	for _, r := range results {
		r.section(&b, doors)
	}
	return b.String()
}

func (r *result) passed() (passed, all int) {
	for _, byDoor := range r.outcomes {
		for _, o := range byDoor {
			if all++; o.err == nil {
				passed++
			}
		}
	}
	return passed, all
}

func (r *result) section(b *strings.Builder, doors []string) {
	fmt.Fprintf(b, "\n## %s\n\n", r.server.title)
	if r.problem != nil {
		fmt.Fprintf(b, "**Failed:** %s\n\n", clip(r.problem.Error()))
	}
	fmt.Fprintf(b, "| check | %s |\n|---|%s\n", strings.Join(doors, " | "), strings.Repeat("---|", len(doors)))
	for _, c := range checklist {
		fmt.Fprintf(b, "| %s |", c.name)
		for _, door := range doors {
			o, tried := r.outcomes[c.name][door]
			switch {
			case !tried:
				b.WriteString(" – |")
			case o.err != nil:
				fmt.Fprintf(b, " **failed:** %s |", cell(clip(o.err.Error())))
			default:
				fmt.Fprintf(b, " %s |", cell(o.words))
			}
		}
		b.WriteString("\n")
	}
	if !r.server.speaksOpenAI() {
		b.WriteString("\nIts wire is looked at through the library only")
		if quirks := r.server.quirks; quirks != "" {
			fmt.Fprintf(b, "; what is odd about it is in [%s](../tests/contract/%s.json)", quirks, quirks)
		}
		b.WriteString(".\n")
		return
	}
	if len(r.quirks) == 0 {
		b.WriteString("\nNo quirks.\n")
		return
	}
	b.WriteString("\nQuirks:\n\n")
	for _, area := range areas(r.quirks) {
		var words []string
		for _, q := range r.quirks {
			if q.area == area {
				words = append(words, q.words)
			}
		}
		slices.Sort(words)
		name := caseName(r.server, area)
		fmt.Fprintf(b, "- %s ([%s](../tests/contract/%s.json))\n", strings.Join(words, "; "), name, name)
	}
}

func caseName(s *server, area string) string { return "quirk_" + s.name + "_" + area }

func areas(quirks []quirk) []string {
	var all []string
	for _, q := range quirks {
		if !slices.Contains(all, q.area) {
			all = append(all, q.area)
		}
	}
	return all
}

func cell(text string) string { return strings.ReplaceAll(text, "|", "\\|") }

func anchor(title string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == ' ':
			return '-'
		case c == '\'' || c == '.' || c == ',':
			return -1
		}
		return c
	}, strings.ToLower(title))
}

func toolVersion(name, flag string) string {
	output, err := exec.Command(name, flag).Output()
	words := strings.Fields(string(output))
	if err != nil || len(words) == 0 {
		return "unknown"
	}
	return cmp.Or(strings.TrimPrefix(words[len(words)-1], "v"), "unknown")
}
