package contract

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// processDoor is a program that takes commands on its standard input and tells
// events on its standard output. It lives for all cases. A command is
//
//	ID VERB SESSION [NAME=VALUE …] FIRST SECOND\n
//
// where FIRST and SECOND are the lengths of the two texts that follow it; an
// event is ID KIND LENGTH\n, so many bytes, \n. The end of its input ends it.
type processDoor struct {
	name  string
	cmd   *exec.Cmd
	input io.WriteCloser
	// errors is what the program wrote to its standard error: nothing, if all
	// is well.
	errors *bytes.Buffer
	exited chan struct{}

	mu      sync.Mutex // guards what follows, and writing to input
	waiting map[uint64]func(Event)
	failed  error
}

// NewProcessDoor starts a program as a door.
func NewProcessDoor(name string, command []string, environment []string) (Door, error) {
	d := &processDoor{name: name, errors: &bytes.Buffer{}, exited: make(chan struct{}), waiting: map[uint64]func(Event){}}
	d.cmd = exec.Command(command[0], command[1:]...)
	d.cmd.Env = append(os.Environ(), environment...)
	d.cmd.Stderr = d.errors
	var err error
	if d.input, err = d.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := d.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	go d.listen(output)
	return d, nil
}

func (d *processDoor) Name() string { return d.name }

func (d *processDoor) Do(c Command, on func(Event)) {
	var line bytes.Buffer
	fmt.Fprintf(&line, "%d %s %d", c.ID, c.Verb, c.Session)
	for _, name := range slices.Sorted(maps.Keys(c.Args)) {
		fmt.Fprintf(&line, " %s=%s", name, c.Args[name])
	}
	fmt.Fprintf(&line, " %d %d\n", len(c.First), len(c.Second))
	line.Write(c.First)
	line.Write(c.Second)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed == nil {
		d.waiting[c.ID] = on
		_, d.failed = d.input.Write(line.Bytes())
	}
	if d.failed != nil {
		delete(d.waiting, c.ID)
		event := d.lost()
		go on(event)
	}
}

// lost is how a command ends whose program is gone. The caller holds mu.
func (d *processDoor) lost() Event {
	event := result(nil, fmt.Errorf("the %s door is gone: %w", d.name, d.failed))
	event.At = time.Now()
	return event
}

// listen hands events over until the program ends.
func (d *processDoor) listen(output io.Reader) {
	in := bufio.NewReaderSize(output, 1<<16)
	for {
		id, event, err := readEvent(in)
		if err != nil {
			d.end(err)
			return
		}
		d.mu.Lock()
		on := d.waiting[id]
		if event.terminal() {
			delete(d.waiting, id)
		}
		d.mu.Unlock()
		if on != nil {
			on(event)
		}
	}
}

func readEvent(in *bufio.Reader) (uint64, Event, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return 0, Event{}, err
	}
	fields := strings.Fields(line)
	if len(fields) != 3 {
		return 0, Event{}, fmt.Errorf("the line %q is no event", line)
	}
	id, err := strconv.ParseUint(fields[0], 10, 64)
	n, err2 := strconv.Atoi(fields[2])
	if err = errors.Join(err, err2); err != nil {
		return 0, Event{}, err
	}
	data := make([]byte, n+1)
	if _, err := io.ReadFull(in, data); err != nil {
		return 0, Event{}, err
	}
	return id, Event{Kind: fields[1], Data: data[:n], At: time.Now()}, nil
}

func (d *processDoor) end(err error) {
	if waited := d.cmd.Wait(); waited != nil {
		err = waited
	}
	d.mu.Lock()
	d.failed = err
	if text := strings.TrimSpace(d.errors.String()); text != "" {
		d.failed = fmt.Errorf("%w; it wrote:\n%s", err, text)
	}
	lost := d.waiting
	d.waiting = map[uint64]func(Event){}
	event := d.lost()
	d.mu.Unlock()
	for _, on := range lost {
		on(event)
	}
	close(d.exited)
}

// Stop ends the program, which must go by itself and have written nothing to
// its standard error.
func (d *processDoor) Stop() error {
	d.mu.Lock()
	err := d.input.Close()
	d.mu.Unlock()
	select {
	case <-d.exited:
	case <-time.After(20 * time.Second):
		err = errors.Join(err, errors.New("it did not end when its input did"), d.cmd.Process.Kill())
		<-d.exited
	}
	if state := d.cmd.ProcessState; state != nil && !state.Success() {
		err = errors.Join(err, errors.New(state.String()))
	}
	if text := strings.TrimSpace(d.errors.String()); text != "" {
		err = errors.Join(err, errors.New("it wrote to its standard error:\n"+text))
	}
	return err
}
