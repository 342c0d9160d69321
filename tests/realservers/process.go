package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	startPatience = 60 * time.Second
	stopPatience  = 10 * time.Second
)

// process is a server that runs. It is ended by its process id.
type process struct {
	cmd    *exec.Cmd
	addr   string
	log    string // the file with what it printed
	exited chan struct{}
}

// start starts a server on a free port and waits until it accepts connections.
func start(ctx context.Context, s *server, p places) (*process, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := listener.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	if err := errors.Join(listener.Close(), os.MkdirAll(p.run, 0o755)); err != nil {
		return nil, err
	}
	r := &process{addr: addr, log: filepath.Join(p.run, "output.txt"), exited: make(chan struct{})}
	output, err := os.Create(r.log)
	if err != nil {
		return nil, err
	}
	defer output.Close() // the process has its own copy
	args, environment := s.command(p, port)
	r.cmd = exec.CommandContext(ctx, args[0], args[1:]...)
	r.cmd.Env = append(os.Environ(), environment...)
	r.cmd.Dir = p.run
	r.cmd.Stdout, r.cmd.Stderr = output, output
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = r.cmd.Wait() // how it ended is in ProcessState
		close(r.exited)
	}()
	for deadline := time.Now().Add(startPatience); time.Now().Before(deadline); {
		select {
		case <-r.exited:
			return nil, fmt.Errorf("it ended at once (%v); see %s", r.cmd.ProcessState, r.log)
		case <-time.After(50 * time.Millisecond):
		}
		if c, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
			return r, c.Close()
		}
	}
	return nil, errors.Join(fmt.Errorf("it did not listen within %v; see %s", startPatience, r.log), r.stop())
}

// stop asks the process to end, and after a while kills it.
func (r *process) stop() error {
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-r.exited:
		return nil
	case <-time.After(stopPatience):
	}
	if err := r.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-r.exited
	return nil
}
