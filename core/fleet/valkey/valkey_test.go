package valkey_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/fleet"
	"github.com/llmagg/llmagg/core/fleet/valkey"
	"github.com/llmagg/llmagg/core/llm"
)

// Bad stores are refused before anything is connected, and a password is not
// repeated.
func TestBadStoresAreRefused(t *testing.T) {
	for url, want := range map[string]string{
		"localhost:6379":                 "expected valkey://",
		"http://localhost:6379":          "expected valkey://",
		"redis://":                       "expected valkey://",
		"redis://x:6379/3":               "database number",
		"redis://x:6379?db=3":            `parameter "db"`,
		"redis://u:geheim@x:6379?db=3":   `parameter "db"`,
		"redis://u:geheim@x:6379/a b%zz": "cannot be read",
		"redis://x:99999":                "host 1; expected a name",
		"redis://x:0":                    "host 1; expected a name",
		"redis://x:":                     "host 1; expected a name",
		"redis://geheim:geheim":          "host 1; expected a name",
		"redis://a:1,":                   "host 2; expected a name",
		"redis://a,b geheim":             "host 2; expected a name",
		"redis://[::1":                   "host 1; expected a name",
		"redis://x#geheim":               "host 1; expected a name",
		"redis://x/#geheim":              "has a #",
		"redis://x?sentinel=a&sentinel=": `parameter "sentinel"`,
		"redis://x?db=1&a=b&sentinel=a":  `parameter "db"`,
		"redis://x?sentinel=%zz":         `parameter "sentinel"`,
		"redis://x?=a":                   `parameter "=a"`,
		"redis://x?a;b":                  `parameter "a;b"`,
	} {
		_, err := valkey.Opener(config.Fleet{URL: url})
		require.ErrorContains(t, err, want, url)
		require.NotContains(t, err.Error(), "geheim")
		require.Equal(t, llm.InvalidArgument, llm.AsError(err).Code)
	}
	_, err := valkey.Opener(config.Fleet{URL: "valkeys://x", CAFile: "/nowhere.pem"})
	require.ErrorContains(t, err, "ca_file cannot be read")
	for _, url := range []string{"valkey://a", "rediss://a:1,b:2,c", "redis://u:p@a:1,b:2?sentinel=main", "redis://[::1]:6379", "redis://[::1]", "redis://::1", "redis://my_cache-1.example"} {
		_, err := valkey.Opener(config.Fleet{URL: url})
		require.NoError(t, err, url)
	}
}

// User and password stand in the URL or beside it; they are not two.
func TestUserAndPasswordAreSaidOnce(t *testing.T) {
	for _, c := range []config.Fleet{
		{URL: "redis://u:geheim@x", Password: "anders"}, {URL: "redis://:geheim@x", Password: "anders"}, {URL: "redis://u@x", Username: "v"},
	} {
		_, err := valkey.Opener(c)
		require.ErrorContains(t, err, "keep one of them")
		require.NotContains(t, err.Error(), "geheim")
	}
	s := start(t, "--requirepass", "right")
	for _, c := range []config.Fleet{
		{URL: "redis://default@127.0.0.1:" + s.port, Password: "right"}, {URL: "redis://:right@127.0.0.1:" + s.port, Password: "right"},
		{URL: "redis://:right@127.0.0.1:" + s.port, Username: "default"},
	} {
		store, err := valkey.Open(t.Context(), c)
		require.NoError(t, err)
		store.Close()
	}
}

// server is a real store: what LLMAGG_VALKEY_SERVER names, or the first on the
// PATH.
type server struct {
	t    *testing.T
	port string
	cmd  *exec.Cmd
	args []string
}

func start(t *testing.T, args ...string) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	require.NoError(t, l.Close())
	s := &server{t: t, port: port, args: args}
	s.start()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	})
	return s
}

func (s *server) start() {
	path := os.Getenv("LLMAGG_VALKEY_SERVER")
	for _, name := range []string{"valkey-server", "redis-server"} {
		if path == "" {
			path, _ = exec.LookPath(name)
		}
	}
	if path == "" {
		s.t.Skip("no valkey-server and no redis-server; 'make fleet-test' installs one")
	}
	s.cmd = exec.Command(path, append([]string{"--port", s.port, "--bind", "127.0.0.1", "--save", "", "--dir", s.t.TempDir()}, s.args...)...)
	require.NoError(s.t, s.cmd.Start())
	require.Eventually(s.t, func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+s.port)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
}

func (s *server) config() config.Fleet { return config.Fleet{URL: "redis://127.0.0.1:" + s.port} }

func (s *server) open() fleet.Store {
	s.t.Helper()
	store, err := valkey.Open(s.t.Context(), s.config())
	require.NoError(s.t, err)
	s.t.Cleanup(store.Close)
	return store
}

// What is told is heard in order, with what is left of its time, by who listens
// and by who comes later.
func TestChangesAreHeard(t *testing.T) {
	a, b := start(t).open2()
	heard, from, err := b.Listen(t.Context(), "")
	require.NoError(t, err)
	require.Empty(t, heard)
	for range 3 {
		require.NoError(t, a.Tell(t.Context(), []fleet.Change{{Route: "r1", What: "opened", For: 10 * time.Second, Process: "p"}, {Route: "r2", What: "closed", Process: "p"}}))
		heard, from, err = b.Listen(t.Context(), from)
		require.NoError(t, err)
		require.Len(t, heard, 2)
		require.Equal(t, "r1", heard[0].Route)
		require.InDelta(t, 10, heard[0].For.Seconds(), 0.5)
	}
	heard, _, err = a.Listen(t.Context(), "")
	require.NoError(t, err)
	require.Len(t, heard, 6)
}

// A server whose clock went back counts on from its last entry: that is heard
// once, and a look waits as others do. Where the stream is gone as well, what
// is told later is heard, though its ID is smaller.
func TestAServersClockGoesBack(t *testing.T) {
	s := start(t)
	a, b := s.open2()
	s.say("XADD llmagg:{default}:changes " + strconv.FormatInt(time.Now().Add(time.Hour).UnixMilli(), 10) + "-0 route r what opened for_ms 1000 process p")
	heard, from, err := b.Listen(t.Context(), "")
	require.NoError(t, err)
	require.Len(t, heard, 1)
	for range 2 {
		began := time.Now()
		heard, from, err = b.Listen(t.Context(), from)
		require.NoError(t, err)
		require.Empty(t, heard)
		require.GreaterOrEqual(t, time.Since(began), 900*time.Millisecond) // the server's clock may be a coarse one
	}
	for range 2 {
		require.NoError(t, a.Tell(t.Context(), []fleet.Change{{Route: "r2", What: "opened", For: time.Second, Process: "p"}}))
		heard, from, err = b.Listen(t.Context(), from)
		require.NoError(t, err)
		require.Len(t, heard, 1)
		require.Equal(t, "r2", heard[0].Route)
		s.say("FLUSHALL")
	}
}

// say sends a command whose answer is a short one.
func (s *server) say(command string) {
	c, err := net.Dial("tcp", "127.0.0.1:"+s.port)
	require.NoError(s.t, err)
	defer func() { _ = c.Close() }()
	_, err = c.Write([]byte(command + "\r\n"))
	require.NoError(s.t, err)
	answer := make([]byte, 100)
	n, err := c.Read(answer)
	require.NoError(s.t, err)
	require.NotEqual(s.t, byte('-'), answer[0], string(answer[:n]))
}

func (s *server) open2() (a, b fleet.Store) { return s.open(), s.open() }

// A mark belongs to one process, its own included, until it ends or is given
// back.
func TestAMarkBelongsToOneProcess(t *testing.T) {
	a, b := start(t).open2()
	mine, _, err := a.Mark(t.Context(), "r", "a", time.Minute)
	require.NoError(t, err)
	require.True(t, mine)
	mine, left, err := b.Mark(t.Context(), "r", "b", time.Minute)
	require.NoError(t, err)
	require.False(t, mine)
	require.InDelta(t, 60, left.Seconds(), 5)
	mine, _, err = a.Mark(t.Context(), "r", "a", time.Minute)
	require.NoError(t, err)
	require.True(t, mine)
	require.NoError(t, a.Unmark(t.Context(), "r"))
	mine, _, err = b.Mark(t.Context(), "r", "b", time.Minute)
	require.NoError(t, err)
	require.True(t, mine)
}

// A budget gives its burst and what has come in since, to all together.
func TestABudgetIsSharedByAll(t *testing.T) {
	a, b := start(t).open2()
	const perSecond = 20.0
	budget := fleet.Budget{Route: "r", Of: "rpm", PerSecond: perSecond, Burst: 20}
	began := time.Now()
	n, _, err := a.Lease(t.Context(), budget, 15)
	require.NoError(t, err)
	require.Equal(t, 15, n)
	n, _, err = b.Lease(t.Context(), budget, 15)
	require.NoError(t, err)
	answered := time.Now()
	require.GreaterOrEqual(t, n, 5)
	// The store refills by its own clock, between when it was asked last time
	// and this time, each as seen from here; it keeps a second's worth at most.
	leased, least := n, 5.0
	for answered.Sub(began) < time.Second {
		time.Sleep(20 * time.Millisecond)
		asked := time.Now()
		n, _, err := b.Lease(t.Context(), budget, 15)
		require.NoError(t, err)
		least += min(asked.Sub(answered).Seconds(), 0.5) * perSecond
		answered = time.Now()
		leased += n
	}
	require.GreaterOrEqual(t, float64(leased), least-2, "less than what was refilled")
	require.LessOrEqual(t, float64(leased), 5+answered.Sub(began).Seconds()*perSecond+1, "more than what was refilled")
}

// A server that takes over may have a clock that is behind: what was noted by
// the other one holds nobody up for so long.
func TestAServerWhoseClockIsBehindTakesOver(t *testing.T) {
	s := start(t)
	a := s.open()
	hour := time.Now().Add(time.Hour)
	s.say("SET llmagg:{default}:rate:r:rpm " + strconv.FormatInt(hour.UnixMicro(), 10) + " PX 3600000")
	budget := fleet.Budget{Route: "r", Of: "rpm", PerSecond: 100, Burst: 100}
	n, _, err := a.Lease(t.Context(), budget, 50)
	require.NoError(t, err)
	require.Zero(t, n, "a full burst is owed")
	require.Eventually(t, func() bool {
		n, _, err := a.Lease(t.Context(), budget, 1)
		require.NoError(t, err)
		return n == 1
	}, 2*time.Second, 20*time.Millisecond)

	s.say("SET llmagg:{default}:probe:r other PX 3600000")
	mine, left, err := a.Mark(t.Context(), "r", "a", 10*time.Second)
	require.NoError(t, err)
	require.False(t, mine)
	require.LessOrEqual(t, left, 10*time.Second)

	s.say("ZADD llmagg:{default}:alive " + strconv.FormatInt(hour.Unix(), 10) + " gone")
	n, err = a.Alive(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

func TestProcessesAreCounted(t *testing.T) {
	a, b := start(t).open2()
	_, err := a.Alive(t.Context(), "a")
	require.NoError(t, err)
	n, err := b.Alive(t.Context(), "b")
	require.NoError(t, err)
	require.Equal(t, 2, n)
}

// A server that is frozen, or gone, costs no longer than the context; one that
// is back is used again.
func TestAServerThatComesAndGoes(t *testing.T) {
	s := start(t)
	a := s.open()
	briefly := func() (time.Duration, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		began := time.Now()
		_, err := a.Alive(ctx, "a")
		return time.Since(began), err
	}
	_, err := briefly()
	require.NoError(t, err)
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGSTOP))
	took, err := briefly()
	require.Error(t, err)
	require.Less(t, took, 700*time.Millisecond)
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGCONT))
	require.Eventually(t, func() bool { _, err := briefly(); return err == nil }, 2*time.Second, 50*time.Millisecond)
	require.NoError(t, s.cmd.Process.Kill())
	_ = s.cmd.Wait()
	took, err = briefly()
	require.Error(t, err)
	require.Less(t, took, 700*time.Millisecond)
	s.start()
	require.Eventually(t, func() bool { _, err := briefly(); return err == nil }, 2*time.Second, 50*time.Millisecond)
}

func TestAWrongPasswordIsSaid(t *testing.T) {
	s := start(t, "--requirepass", "right")
	c := s.config()
	c.Password = "wrong-password"
	_, err := valkey.Open(t.Context(), c)
	require.ErrorContains(t, err, "WRONGPASS")
	require.NotContains(t, err.Error(), "wrong-password")
	c.Password = "right"
	store, err := valkey.Open(t.Context(), c)
	require.NoError(t, err)
	store.Close()
}

// What a server refuses is told with what to do.
func TestRefusalsSayWhatToDo(t *testing.T) {
	s := start(t)
	s.say("ACL SETUSER weak on >pw ~* +@read +@connection")
	s.say("ACL SETUSER right on >pw resetchannels ~llmagg:{default}:* +@connection " +
		"+xadd +xread +xrevrange +pexpire +time +eval +set +get +pttl +del +zadd +zremrangebyscore +zcount")
	web, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = web.Close() }()
	go func() {
		for {
			c, err := web.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			_ = c.Close()
		}
	}()
	locked, full, replica, other := start(t, "--requirepass", "right"), start(t), start(t), start(t)
	full.say("CONFIG SET maxmemory 1")
	replica.say("REPLICAOF 127.0.0.1 1")
	other.say("SET llmagg:{default}:alive x")
	s.say("ACL SETUSER scripts on >pw ~* +@all -set")
	for _, x := range []struct {
		c    config.Fleet
		want string
	}{
		{config.Fleet{URL: s.config().URL, Username: "weak", Password: "pw"}, "the guide on fleets has the rights"},
		{config.Fleet{URL: s.config().URL, Username: "right", Password: "pw"}, ""},
		{config.Fleet{URL: s.config().URL + "," + strings.TrimPrefix(s.config().URL, "redis://")}, "several hosts are a cluster, and this server is none"},
		{config.Fleet{URL: s.config().URL, Username: "scripts", Password: "pw"}, "the guide on fleets has the rights"},
		{config.Fleet{URL: full.config().URL}, "maxmemory-policy volatile-lru"},
		{config.Fleet{URL: replica.config().URL}, "name the primary"},
		{config.Fleet{URL: other.config().URL}, `give it another "name"`},
		{config.Fleet{URL: s.config().URL + "?sentinel=main"}, "the server is no sentinel"},
		{config.Fleet{URL: strings.Replace(s.config().URL, "redis:", "rediss:", 1)}, "that speak no TLS"},
		{config.Fleet{URL: "redis://127.0.0.1:1"}, "check the host and the port"},
		{config.Fleet{URL: "redis://store.invalid"}, "check the host in the url"},
		{locked.config(), `the store wants a password (NOAUTH); set "password" in "fleet"`},
		{config.Fleet{URL: "redis://" + web.Addr().String()}, "neither Valkey's nor Redis's protocol"},
	} {
		store, err := valkey.Open(t.Context(), x.c)
		if err == nil {
			_, err = store.Alive(t.Context(), "p")
			if err == nil {
				_, _, err = store.Lease(t.Context(), fleet.Budget{Route: "r", Of: "rpm", PerSecond: 1, Burst: 1}, 1)
			}
			if err == nil {
				_, _, err = store.Mark(t.Context(), "r", "p", time.Second)
			}
			if err == nil {
				err = errors.Join(store.Unmark(t.Context(), "r"), store.Tell(t.Context(), []fleet.Change{{Route: "r", What: "opened"}}))
			}
			if err == nil {
				_, _, err = store.Listen(t.Context(), "")
			}
			store.Close()
		}
		if x.want == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, x.want)
		}
	}
}
