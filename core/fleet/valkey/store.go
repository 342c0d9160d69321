package valkey

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/llmagg/llmagg/core/breaker"
	"github.com/llmagg/llmagg/core/fleet"
)

// store is a [fleet.Store]. All of its keys have the same hash tag, so that a
// cluster keeps them together.
type store struct {
	client valkey.Client
	key    string // "llmagg:{NAME}:"

	mu    sync.Mutex // guards what follows
	there time.Time  // the server's clock …
	asked time.Time  // … at this time of the process's monotonic one; zero: unknown
}

const (
	most      = "10000"                 // entries that the stream keeps, about
	lives     = "3600000"               // ms without a change after which the stream goes
	looksBack = 600 * 1000              // ms of the stream that a new member reads
	alive     = 5                       // s after which a process that says nothing is gone
	takes     = 1000                    // ms that a look at the stream waits
	jump      = time.Second             // by which a server's clock may go back unnoticed
	astray    = 10 * time.Second        // by which processes' bursts may differ
	answers   = 1500 * time.Millisecond // within which a server answers
)

func open(ctx context.Context, o valkey.ClientOption, name string) (fleet.Store, error) {
	type opened struct {
		client valkey.Client
		err    error
	}
	done := make(chan opened, 1)
	go func() { // valkey-go connects without a context; its own times bound it
		c, err := valkey.NewClient(o)
		done <- opened{c, err}
	}()
	select {
	case d := <-done:
		if d.err != nil && o.TLSConfig != nil && errors.Is(d.err, context.DeadlineExceeded) {
			return nil, errors.New("the store does not answer in time; stores do so that speak no TLS: then the url of \"fleet\" begins with valkey:// or redis://")
		}
		if d.err != nil {
			return nil, plain(d.err)
		}
		s := &store{client: d.client, key: "llmagg:{" + name + "}:"}
		if _, err := s.now(ctx); err != nil { // questions then have to wait for one answer only
			s.Close()
			return nil, err
		}
		return s, nil
	case <-ctx.Done():
		go func() {
			if d := <-done; d.client != nil {
				d.client.Close()
			}
		}()
		return nil, errors.New("no connection in time")
	}
}

func (s *store) command(words ...string) valkey.Completed {
	c := s.client.B().Arbitrary(words[0])
	if len(words) > 1 {
		c = c.Keys(words[1]).Args(words[2:]...)
	}
	return c.Build()
}

// Tell is [fleet.Store.Tell].
func (s *store) Tell(ctx context.Context, changes []fleet.Change) error {
	stream := s.key + "changes"
	var all []valkey.Completed
	for _, c := range changes {
		all = append(all, s.command("XADD", stream, "MAXLEN", "~", most, "*", "route", c.Route, "what", string(c.What),
			"for_ms", strconv.FormatInt(c.For.Milliseconds(), 10), "process", c.Process))
	}
	return s.all(ctx, append(all, s.command("PEXPIRE", stream, lives)))
}

// all sends commands together; the error is that of the first that failed.
func (s *store) all(ctx context.Context, commands []valkey.Completed) error {
	for _, r := range s.client.DoMulti(ctx, commands...) {
		if err := r.Error(); err != nil {
			return plain(err)
		}
	}
	return nil
}

// Listen is [fleet.Store.Listen].
func (s *store) Listen(ctx context.Context, from string) ([]fleet.Change, string, error) {
	now, err := s.now(ctx)
	if err != nil {
		return nil, from, err
	}
	wait := takes
	anew := from == ""
	if !anew && clock(from).After(now.Add(jump)) {
		if anew, err = s.lost(ctx, from); err != nil {
			return nil, from, err
		}
	}
	if anew {
		from = strconv.FormatInt(now.UnixMilli()-looksBack, 10)
		wait = 1
	}
	asking, cancel := context.WithTimeout(ctx, takes*time.Millisecond+3*answers) // it may have to connect first
	defer cancel()
	cmd := s.client.B().Xread().Count(1000).Block(int64(wait)).Streams().Key(s.key + "changes").Id(from).Build()
	streams, err := s.client.Do(asking, cmd).AsXRead()
	if valkey.IsValkeyNil(err) {
		return nil, from, nil
	}
	if err != nil {
		return nil, from, plain(err)
	}
	now, err = s.now(ctx)
	if err != nil {
		return nil, from, err
	}
	var heard []fleet.Change
	for _, e := range streams[s.key+"changes"] {
		from = e.ID
		lasts, _ := strconv.ParseInt(e.FieldValues["for_ms"], 10, 64) // 0 if nobody of ours wrote it
		age := max(now.Sub(clock(e.ID)), 0)
		heard = append(heard, fleet.Change{Route: e.FieldValues["route"], What: breaker.What(e.FieldValues["what"]), Process: e.FieldValues["process"],
			For: time.Duration(min(max(lasts, 0), 1<<40))*time.Millisecond - age, Age: age})
	}
	return heard, from, nil
}

// lost tells whether an ID that is ahead of the server's clock is of a stream
// that is gone, so that later changes have smaller ones. Where the clock alone
// went back, the stream counts on from its last ID.
func (s *store) lost(ctx context.Context, id string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, answers)
	defer cancel()
	last, err := s.client.Do(ctx, s.command("XREVRANGE", s.key+"changes", "+", "-", "COUNT", "1")).AsXRange()
	if err != nil && !valkey.IsValkeyNil(err) {
		return false, plain(err)
	}
	return len(last) == 0 || clock(last[0].ID).Before(clock(id)), nil
}

// clock is the server's time of an entry.
func clock(id string) time.Time {
	at, _, _ := strings.Cut(id, "-")
	n, _ := strconv.ParseInt(at, 10, 64)
	return time.UnixMilli(n)
}

// now is the server's time. It is asked when the store is opened, and with each
// Alive.
func (s *store) now(ctx context.Context) (time.Time, error) {
	s.mu.Lock()
	there, asked := s.there, s.asked
	s.mu.Unlock()
	if !asked.IsZero() {
		return there.Add(time.Since(asked)), nil // whatever becomes of our wall clock
	}
	ctx, cancel := context.WithTimeout(ctx, answers)
	defer cancel()
	began := time.Now()
	if err := s.set(began, s.client.Do(ctx, s.command("TIME"))); err != nil {
		return time.Time{}, err
	}
	return s.now(ctx)
}

// set learns the server's clock from an answer to TIME.
func (s *store) set(began time.Time, r valkey.ValkeyResult) error {
	parts, err := r.AsStrSlice()
	if err == nil && len(parts) != 2 {
		err = errors.New("the store's answer to TIME has not two parts")
	}
	if err != nil {
		return plain(err)
	}
	seconds, _ := strconv.ParseInt(parts[0], 10, 64)
	micros, _ := strconv.ParseInt(parts[1], 10, 64)
	there, now := time.Unix(seconds, micros*1000), time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.there, s.asked = there, began.Add(now.Sub(began)/2)
	return nil
}

// gcra takes up to ARGV[3] units, by the server's time in µs: ARGV[1] µs a
// unit, ARGV[2] µs of burst. It is the form of redis_rate's AllowAtMost. Its
// text is sent each time: a server that does not know it, as after a failover,
// would answer EVALSHA in vain, and a slow one has no time for a second answer.
// Beside that it counts ARGV[5] tokens in KEYS[2], if there is one, for ARGV[6]
// ms.
var gcra = valkey.NewLuaScriptNoSha(`local asked = 0
if KEYS[2] then
asked = redis.pcall('INCRBY', KEYS[2], ARGV[5])
if type(asked) ~= 'number' then asked = 0 end
redis.call('PEXPIRE', KEYS[2], ARGV[6])
end
asked = string.format('%.0f', asked)
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local per, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local tat = math.max(now, tonumber(redis.call('GET', KEYS[1])) or 0)
local other = tat > now + burst + tonumber(ARGV[4])
if other then tat = now + burst end
local n = math.max(math.min(tonumber(ARGV[3]), math.floor((now + burst - tat) / per + 0.000001)), 0)
if n == 0 and not other then return {'0', asked} end
redis.call('SET', KEYS[1], string.format('%.0f', tat + n * per), 'PX', math.ceil((tat + n * per - now) / 1000) + 1000)
return {n .. '', asked}`)

// Lease is [fleet.Store.Lease].
func (s *store) Lease(ctx context.Context, b fleet.Budget, n int) (granted, asked int, err error) {
	per := 1e6 / b.PerSecond
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', 6, 64) }
	keys := []string{s.key + "rate:" + b.Route + ":" + b.Of}
	if b.Of == fleet.Tokens {
		keys = append(keys, keys[0]+":asked")
	}
	args := []string{number(per), number(per * b.Burst), strconv.Itoa(n), strconv.FormatInt(astray.Microseconds(), 10),
		strconv.Itoa(b.Asked), lives}
	said, err := gcra.Exec(ctx, s.client, keys, args).AsStrSlice()
	if err == nil && len(said) != 2 {
		err = errors.New("the store's answer to a lease has not two parts")
	}
	if err != nil {
		return 0, 0, plain(err)
	}
	granted, _ = strconv.Atoi(said[0]) // as the script writes them
	asked, _ = strconv.Atoi(said[1])
	return granted, asked, nil
}

// Mark is [fleet.Store.Mark].
func (s *store) Mark(ctx context.Context, route, process string, lasts time.Duration) (bool, time.Duration, error) {
	key := s.key + "probe:" + route
	said := s.client.DoMulti(ctx, s.command("SET", key, process, "NX", "PX", strconv.FormatInt(max(lasts.Milliseconds(), 1), 10)),
		s.command("GET", key), s.command("PTTL", key))
	if err := said[0].Error(); err != nil && !valkey.IsValkeyNil(err) {
		return false, 0, plain(err)
	}
	holder, err := said[1].ToString()
	if err != nil {
		return false, 0, plain(err)
	}
	left, err := said[2].AsInt64()
	// It may have been set by a clock that was ahead of this one.
	return holder == process, min(time.Duration(max(left, 0))*time.Millisecond, lasts), plain(err)
}

// Unmark is [fleet.Store.Unmark].
func (s *store) Unmark(ctx context.Context, route string) error {
	return plain(s.client.Do(ctx, s.command("DEL", s.key+"probe:"+route)).Error())
}

// Alive is [fleet.Store.Alive].
func (s *store) Alive(ctx context.Context, process string) (int, error) {
	now, err := s.now(ctx)
	if err != nil {
		return 0, err
	}
	key := s.key + "alive"
	score := strconv.FormatInt(now.Unix(), 10)
	began := time.Now()
	said := s.client.DoMulti(ctx, s.command("ZADD", key, score, process),
		s.command("ZREMRANGEBYSCORE", key, "-inf", strconv.FormatInt(now.Unix()-2*alive, 10)),
		s.command("ZCOUNT", key, strconv.FormatInt(now.Unix()-alive, 10), strconv.FormatInt(now.Unix()+alive, 10)), s.command("PEXPIRE", key, lives), s.command("TIME"))
	for _, r := range said[:4] {
		if err := r.Error(); err != nil {
			return 0, plain(err)
		}
	}
	if err := s.set(began, said[4]); err != nil {
		return 0, err
	}
	n, err := said[2].AsInt64()
	return int(n), plain(err)
}

// Close is [fleet.Store.Close].
func (s *store) Close() { s.client.Close() }
