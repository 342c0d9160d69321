package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// loop serves plain HTTP/1.1 on one thread. Nothing in it is shared.
type loop struct {
	port, listener, epoll int
	connections           map[int32]*connection
	ticks                 []tick // of the paced streams, the next one first
}

type connection struct {
	fd      int
	in      []byte // read and not yet answered
	out     []byte // to be written when the socket takes more
	writing bool   // registered for EPOLLOUT
	paced   int    // number of events of the paced stream, sent ones included
	sent    int
	closed  bool
}

// tick is when a paced stream's next event is due. All intervals are the same,
// so the queue is in order without sorting.
type tick struct {
	at time.Time
	c  *connection
}

func newLoop(port int) (*loop, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return nil, fmt.Errorf("SO_REUSEADDR: %w", err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return nil, fmt.Errorf("bind to port %d: %w", port, err)
	}
	if err := syscall.Listen(fd, 4096); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		return nil, fmt.Errorf("getsockname: %w", err)
	}
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	l := &loop{port: name.(*syscall.SockaddrInet4).Port, listener: fd, epoll: epoll, connections: map[int32]*connection{}}
	return l, l.watch(fd, syscall.EPOLL_CTL_ADD, syscall.EPOLLIN)
}

func (l *loop) watch(fd, op int, events uint32) error {
	return syscall.EpollCtl(l.epoll, op, fd, &syscall.EpollEvent{Events: events, Fd: int32(fd)})
}

func (l *loop) serve() error {
	ready := make([]syscall.EpollEvent, 1024)
	for {
		n, err := syscall.EpollWait(l.epoll, ready, l.untilTick())
		if err != nil && err != syscall.EINTR {
			return fmt.Errorf("epoll_wait: %w", err)
		}
		for i := range max(n, 0) {
			if int(ready[i].Fd) == l.listener {
				if err := l.accept(); err != nil {
					return err
				}
				continue
			}
			c := l.connections[ready[i].Fd]
			switch {
			case c == nil: // closed in this round
			case ready[i].Events&syscall.EPOLLOUT != 0:
				l.write(c, nil)
			default:
				l.read(c)
			}
		}
		l.tickAll()
	}
}

func (l *loop) accept() error {
	for {
		fd, _, err := syscall.Accept4(l.listener, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
		switch err {
		case nil:
		case syscall.EAGAIN:
			return nil
		case syscall.ECONNABORTED, syscall.EINTR:
			continue
		default:
			return fmt.Errorf("accept with %d connections open: %w", len(l.connections), err)
		}
		_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1) // slower without, not wrong
		l.connections[int32(fd)] = &connection{fd: fd}
		if err := l.watch(fd, syscall.EPOLL_CTL_ADD, syscall.EPOLLIN); err != nil {
			return fmt.Errorf("epoll_ctl: %w", err)
		}
	}
}

func (l *loop) read(c *connection) {
	if cap(c.in)-len(c.in) < 4096 {
		c.in = append(make([]byte, 0, 2*cap(c.in)+4096), c.in...)
	}
	n, err := syscall.Read(c.fd, c.in[len(c.in):cap(c.in)])
	if err == syscall.EAGAIN || err == syscall.EINTR {
		return
	}
	if n <= 0 || len(c.in) > 16<<20 {
		l.close(c)
		return
	}
	c.in = c.in[:len(c.in)+n]
	for !c.closed {
		size, path, body := request(c.in)
		if size == 0 {
			return
		}
		if size < 0 {
			l.write(c, refused)
			l.close(c)
			return
		}
		l.answer(c, path, body)
		c.in = c.in[:copy(c.in, c.in[size:])]
	}
}

// request cuts the first request off: its size, 0 if it is not whole yet, -1
// if this server does not understand it.
func request(in []byte) (size int, path string, body []byte) {
	end := bytes.Index(in, []byte("\r\n\r\n"))
	if end < 0 {
		return 0, "", nil
	}
	line, fields, _ := bytes.Cut(in[:end], []byte("\r\n"))
	method, rest, _ := bytes.Cut(line, []byte(" "))
	target, _, _ := bytes.Cut(rest, []byte(" "))
	if string(method) != "POST" {
		return end + 4, "", nil
	}
	length := contentLength(fields)
	if length < 0 {
		return -1, "", nil
	}
	if len(in) < end+4+length {
		return 0, "", nil
	}
	return end + 4 + length, string(target), in[end+4 : end+4+length]
}

func contentLength(fields []byte) int {
	const name = "content-length:"
	for len(fields) > 0 {
		var field []byte
		field, fields, _ = bytes.Cut(fields, []byte("\r\n"))
		if len(field) > len(name) && bytes.EqualFold(field[:len(name)], []byte(name)) {
			n, err := strconv.Atoi(string(bytes.TrimSpace(field[len(name):])))
			if err != nil || n < 0 || n > 16<<20 {
				return -1
			}
			return n
		}
	}
	return -1
}

const completions = "/v1/chat/completions"

func (l *loop) answer(c *connection, path string, body []byte) {
	paced := pacedEvents(path)
	switch {
	case path == "/v1/embeddings":
		l.write(c, embeddings(body))
	case path != completions && paced < 1:
		if answer := formatted(path, body); answer != nil {
			l.write(c, answer)
			return
		}
		l.write(c, notFound)
	case !wantsStream(body):
		l.write(c, completionHTTP)
	case paced < 1:
		l.write(c, streamHTTP)
	default:
		c.paced, c.sent = paced, 0
		l.write(c, []byte(streamHead))
		l.pace(c, time.Now())
	}
}

// pacedEvents is the number in /paced/N/v1/chat/completions, 0 elsewhere.
func pacedEvents(path string) int {
	rest, ok := strings.CutPrefix(path, "/paced/")
	number, whole := strings.CutSuffix(rest, completions)
	n, err := strconv.Atoi(number)
	if !ok || !whole || err != nil {
		return 0
	}
	return n
}

// pace sends a paced stream's next event, and its end with the last one.
func (l *loop) pace(c *connection, due time.Time) {
	c.sent++
	l.write(c, pacedEvent(c.sent))
	if c.sent == c.paced {
		l.write(c, pacedEnd)
		return
	}
	l.ticks = append(l.ticks, tick{at: due.Add(interval), c: c})
}

func (l *loop) tickAll() {
	if len(l.ticks) == 0 {
		return
	}
	now := time.Now()
	for len(l.ticks) > 0 && !l.ticks[0].at.After(now) {
		next := l.ticks[0]
		l.ticks = l.ticks[1:]
		if !next.c.closed {
			l.pace(next.c, next.at)
		}
	}
}

// untilTick is the time to the next tick in milliseconds, rounded up; -1: none.
func (l *loop) untilTick() int {
	if len(l.ticks) == 0 {
		return -1
	}
	return max(0, int((time.Until(l.ticks[0].at)+time.Millisecond-1)/time.Millisecond))
}

// write sends data behind what still waits; data is never changed.
func (l *loop) write(c *connection, data []byte) {
	if c.closed {
		return
	}
	if len(c.out) > 0 {
		c.out = append(c.out[:len(c.out):len(c.out)], data...)
	} else {
		c.out = data
	}
	for len(c.out) > 0 {
		n, err := syscall.Write(c.fd, c.out)
		if err == syscall.EAGAIN {
			break
		}
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			l.close(c)
			return
		}
		c.out = c.out[n:]
	}
	if waits := len(c.out) > 0; waits != c.writing {
		c.writing = waits
		events := uint32(syscall.EPOLLIN)
		if waits {
			events = syscall.EPOLLOUT
		}
		if l.watch(c.fd, syscall.EPOLL_CTL_MOD, events) != nil {
			l.close(c)
		}
	}
}

func (l *loop) close(c *connection) {
	if !c.closed {
		c.closed = true
		delete(l.connections, int32(c.fd))
		_ = syscall.Close(c.fd) // the peer is gone or is to go
	}
}
