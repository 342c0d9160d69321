package transport

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A forked child has copies of the sockets that were open. The server hears
// the end of a connection all the same, and the socket was told of before it
// connected.
func TestCloseReachesTheServerThoughAnotherProcessHasTheSocket(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	var opened, ended atomic.Int64
	copied := -1
	d := &dialer{sockets: new(sockets), timeout: time.Second, onSocket: func(fd uintptr, open bool) {
		if !open {
			ended.Add(1)
			return
		}
		opened.Add(1)
		_, err := syscall.Getpeername(int(fd))
		require.ErrorIs(t, err, syscall.ENOTCONN, "told after it had connected")
		copied, err = syscall.Dup(int(fd))
		require.NoError(t, err)
	}}
	conn, err := d.dial(context.Background(), "tcp", listener.Addr().String())
	require.NoError(t, err)
	defer syscall.Close(copied)
	served, err := listener.Accept()
	require.NoError(t, err)
	defer served.Close()
	require.NoError(t, conn.Close())
	require.NoError(t, served.SetReadDeadline(time.Now().Add(5*time.Second)))
	_, err = served.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	require.EqualValues(t, 1, opened.Load())
	require.EqualValues(t, 1, ended.Load())
}
