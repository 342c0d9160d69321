package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

const buildPatience = 5 * time.Minute

// workshop makes and runs mutants. root is the module's folder, folder a
// temporary one.
type workshop struct {
	root, folder string
	mutated      string           // the test binary that holds the mutants
	original     string           // the same with the original text in every copy
	alone        map[string]error // by the mutant's name: why it has a binary of its own
}

// build compiles the two test binaries. A mutant that does not compile beside
// the others is left out of them.
func (w *workshop) build(ctx context.Context, all []mutation) error {
	w.mutated, w.original, w.alone = filepath.Join(w.folder, "mutated.test"), filepath.Join(w.folder, "original.test"), map[string]error{}
	for {
		err := w.compileSwitched(ctx, w.mutated, all, (*mutation).apply)
		if err == nil {
			break
		}
		if ctx.Err() != nil || !w.blame(err, all) {
			return fmt.Errorf("with all mutants: %w", err)
		}
	}
	if err := w.compileSwitched(ctx, w.original, all, (*mutation).keep); err != nil {
		return fmt.Errorf("without mutations: %w", err)
	}
	return nil
}

var compilerLine = regexp.MustCompile(`([\w-]+)\.mutant:\d+`)

// blame finds the mutants that the compiler complains about and gives each a
// binary of its own. An error that names no mutant comes from a constant that
// became a variable: its name stands in the error.
func (w *workshop) blame(compiler error, all []mutation) bool {
	named := map[string]bool{}
	for _, m := range compilerLine.FindAllStringSubmatch(compiler.Error(), -1) {
		named[m[1]] = true
	}
	before := len(w.alone)
	for _, m := range all {
		name, _, _ := strings.Cut(m.Original, " ")
		if named[m.Name] || len(named) == 0 && regexp.MustCompile(`\b`+regexp.QuoteMeta(name)+`\b`).MatchString(compiler.Error()) {
			w.alone[m.Name] = compiler
		}
	}
	return len(w.alone) > before
}

// compileSwitched compiles the contract tests on a core that holds every mutant
// but those in w.alone; text gives the mutated file.
func (w *workshop) compileSwitched(ctx context.Context, binary string, all []mutation, text func(*mutation, string) ([]byte, error)) error {
	files, folders := map[string]*switched{}, map[string]string{}
	for i := range all {
		m := &all[i]
		if w.alone[m.Name] != nil {
			continue
		}
		s, err := files[m.File], error(nil)
		if s == nil {
			if s, err = newSwitched(w.root, m.File); err != nil {
				return err
			}
			files[m.File], folders[filepath.Dir(m.File)] = s, s.file.Name.Name
		}
		mutated, err := text(m, w.root)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		if err := s.add(m, mutated); err != nil {
			w.alone[m.Name] = err
		}
	}
	sources := map[string][]byte{}
	for file, s := range files {
		sources[file] = []byte(s.String())
	}
	for folder, name := range folders {
		sources[filepath.Join(folder, "zz_chosen_mutant.go")] = []byte(choosing(name))
	}
	return w.compile(ctx, binary, sources)
}

// buildAlone compiles the contract tests on a core with one mutation.
func (w *workshop) buildAlone(ctx context.Context, m *mutation) (binary string, err error) {
	text, err := m.apply(w.root)
	if err != nil {
		return "", err
	}
	binary = filepath.Join(w.folder, m.Name+".test")
	return binary, w.compile(ctx, binary, map[string][]byte{m.File: text})
}

// compile compiles the contract tests with the given texts in place of, or
// beside, the files of the module.
func (w *workshop) compile(ctx context.Context, binary string, sources map[string][]byte) error {
	ctx, stop := context.WithTimeout(ctx, buildPatience)
	defer stop()
	overlay, err := w.overlay(filepath.Base(binary), sources)
	if err != nil {
		return err
	}
	compile := exec.CommandContext(ctx, "go", "test", "-c", "-ldflags=-s -w", "-o", binary, "-overlay", overlay, "./tests/contract")
	compile.Dir = w.root
	compile.WaitDelay = time.Second
	if output, err := compile.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, output)
	}
	return nil
}

// overlay writes the texts and the document that tells the compiler to read
// them instead of the originals.
func (w *workshop) overlay(name string, sources map[string][]byte) (path string, err error) {
	folder := filepath.Join(w.folder, name+".overlay")
	replace := map[string]string{}
	errs := []error{os.MkdirAll(folder, 0o700)}
	for file, text := range sources {
		original, err := filepath.Abs(filepath.Join(w.root, filepath.FromSlash(file)))
		written := filepath.Join(folder, strings.ReplaceAll(filepath.ToSlash(file), "/", "_"))
		replace[original] = written
		errs = append(errs, err, os.WriteFile(written, text, 0o600))
	}
	document, err := json.Marshal(map[string]any{"Replace": replace})
	path = filepath.Join(folder, "overlay.json")
	return path, errors.Join(append(errs, err, os.WriteFile(path, document, 0o600))...)
}
