// Command realservers runs llmagg against servers that others wrote and writes
// down how they got along: see docs/real-servers.md. `make real-servers`
// installs what it needs and calls it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/llmagg/llmagg/tests/contract"
)

func main() {
	log.SetFlags(0)
	build := flag.String("build", "build/real-servers", "folder with what was installed")
	python := flag.String("python", "", "interpreter that has the package llmagg; \"\": no Python door")
	write := flag.String("write", "", "file to write the page to; \"\": standard output")
	only := flag.String("only", "", "name of the only server to run; the page is not written then")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, *build, *python, *write, *only); err != nil {
		cancel()
		log.Fatal(err)
	}
}

func run(ctx context.Context, build, python, write, only string) error {
	build, err := filepath.Abs(build)
	if err != nil {
		return err
	}
	sources, err := filepath.Abs("tests/realservers")
	if err != nil {
		return err
	}
	doors := []contract.Door{contract.NewGoDoor()}
	if python != "" {
		door, err := contract.NewProcessDoor("python", []string{python, "-X", "dev", "-W", "error", "tests/contract/doors/python/door.py"}, nil)
		if err != nil {
			return err
		}
		doors = append(doors, door)
	}
	var names []string
	for _, door := range doors {
		names = append(names, door.Name())
	}
	var results []*result
	var failures []error
	for i := range servers {
		s := &servers[i]
		if only != "" && s.name != only {
			continue
		}
		r := try(ctx, s, places{build: build, sources: sources, run: filepath.Join(build, "run", s.name)}, doors)
		results = append(results, r)
		failures = append(failures, r.failures(names)...)
	}
	for _, door := range doors {
		if err := door.Stop(); err != nil {
			failures = append(failures, fmt.Errorf("the %s door: %w", door.Name(), err))
		}
	}
	text := page(results, names, time.Now())
	if write == "" || only != "" {
		fmt.Print(text)
	} else if err := errors.Join(os.MkdirAll(filepath.Dir(write), 0o755), os.WriteFile(write, []byte(text), 0o644)); err != nil {
		return err
	}
	return errors.Join(failures...)
}

// try runs one server, and every check through every door.
func try(ctx context.Context, s *server, p places, doors []contract.Door) *result {
	r := &result{server: s, version: s.version(p), outcomes: map[string]map[string]outcome{}}
	fmt.Fprintln(os.Stderr, "running", s.title)
	process, err := start(ctx, s, p)
	if err != nil {
		r.problem = err
		return r
	}
	baseURL := "http://" + process.addr + s.path
	if err := answers(ctx, baseURL); err != nil {
		r.problem = errors.Join(err, process.stop())
		return r
	}
	for _, c := range checklist {
		r.outcomes[c.name] = map[string]outcome{}
	}
	for _, door := range doors {
		if err := r.visit(door, baseURL); err != nil {
			r.problem = errors.Join(r.problem, fmt.Errorf("the %s door: %w", door.Name(), err))
		}
	}
	if s.speaksOpenAI() {
		w, err := look(ctx, s, baseURL)
		r.problem = errors.Join(r.problem, err)
		if err == nil {
			r.quirks = w.quirks()
		}
	}
	r.problem = errors.Join(r.problem, process.stop())
	return r
}

// answers waits until the server answers at all: some listen before they are
// ready.
func answers(ctx context.Context, baseURL string) error {
	for deadline := time.Now().Add(startPatience); ; time.Sleep(100 * time.Millisecond) {
		x := &exchange{}
		err := x.make(ctx, "GET", baseURL+"/models", right, "")
		if err == nil && x.status != 503 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not ready within %v: HTTP %d, %w", startPatience, x.status, err)
		}
	}
}

func (r *result) visit(door contract.Door, baseURL string) error {
	v, err := open(door, r.server, baseURL, right, false)
	if err != nil {
		return err
	}
	for _, c := range checklist {
		words, err := c.run(v)
		r.outcomes[c.name][door.Name()] = outcome{words, err}
	}
	return v.close()
}

// failures are the checks that failed, and the quirks that are no contract case
// yet.
func (r *result) failures(doors []string) []error {
	var all []error
	if r.problem != nil {
		all = append(all, fmt.Errorf("%s: %w", r.server.name, r.problem))
	}
	for _, c := range checklist {
		for _, door := range doors {
			if err := r.outcomes[c.name][door].err; err != nil {
				all = append(all, fmt.Errorf("%s, %s, %s: %w", r.server.name, door, c.name, err))
			}
		}
	}
	missing := areas(r.quirks)
	missing = slices.DeleteFunc(missing, func(area string) bool {
		_, err := os.Stat(filepath.Join("tests", "contract", caseName(r.server, area)+".json"))
		return err == nil
	})
	for _, area := range missing {
		all = append(all, fmt.Errorf("%s: a quirk without its contract case %s", r.server.name, caseName(r.server, area)))
	}
	return all
}
