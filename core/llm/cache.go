package llm

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/setting"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
)

// CacheMode says what a call wants of the cache of its aggregator. Without a
// cache it means nothing.
type CacheMode string

// The values of [CacheMode]. "" means use.
const (
	CacheUse     CacheMode = "use"     // an answer that is kept is given; any other is kept
	CacheRefresh CacheMode = "refresh" // the server is asked, and its answer replaces what is kept
	CacheOff     CacheMode = "off"     // nothing is looked for, nothing is kept
)

// The values of [Response].Cache.
const (
	CacheHit    = "hit"    // the answer was kept
	CacheJoined = "joined" // an equal call asked at the same time, and this is its answer
)

// CacheMiss counts, in [Totals], the calls with a cache that asked a server.
const CacheMiss = "miss"

// Check refuses any other value.
func (m CacheMode) Check() error {
	return checkWord("option \"cache\"", string(m), cacheWords)
}

var cacheWords = []string{string(CacheUse), string(CacheRefresh), string(CacheOff)}

func (o *CallOptions) setCache(_ string, v []byte) error {
	word, err := readWord("option \"cache\"", v, cacheWords)
	if o.Cache = CacheMode(word); err != nil && (v[0] == 't' || v[0] == '{') {
		return Errorf(InvalidArgument, "%s; the cache itself is an option of the aggregator", AsError(err).Message)
	}
	return err
}

// CacheLimits bound a cache. Zero means the default.
type CacheLimits struct {
	// Bytes is how large the kept answers may be together; 64 MiB.
	Bytes int64
	// TTL is how long an answer is kept; for ever, as long as there is room.
	TTL time.Duration
	// Ask, of the C ABI, keeps the answers in the application, which is asked for
	// them and told them.
	Ask bool
}

const expectedCache = `expected true or an object such as {"size": "64MB", "ttl_s": 3600}`

var cacheKeys = []string{"size", "ttl_s"}

// ReadCacheLimits reads true, or {"size", "ttl_s"}, from JSON text; false is
// nil. what names the value in messages.
func ReadCacheLimits(what string, v []byte) (*CacheLimits, error) {
	switch {
	case string(v) == "true":
		return &CacheLimits{}, nil
	case string(v) == "false":
		return nil, nil
	case len(v) == 0 || v[0] != '{':
		return nil, Errorf(InvalidArgument, "%s is %s; %s", what, shown.Value(v), expectedCache)
	}
	fields, err := jsontext.FieldsOf(v)
	if err != nil {
		return nil, Errorf(InvalidArgument, "%s is not valid JSON: %v", what, err)
	}
	limits := &CacheLimits{}
	for _, f := range fields.List {
		value := v[f.Start:f.End]
		switch {
		case value[0] == 'n': // left out
		case f.Key == "size":
			limits.Bytes, err = readSize(value)
		case f.Key == "ttl_s":
			limits.TTL, err = setting.Seconds(f.Key, value)
		case f.Key == "store":
			if limits.Ask = string(value) == `"ask"`; !limits.Ask {
				err = Errorf(InvalidArgument, "\"store\" is %s; expected \"ask\"", shown.Value(value))
			}
		default:
			return nil, Errorf(InvalidArgument, "%s has the unknown key %s%s; %s", what, shown.Name(f.Key), suggest.For(f.Key, cacheKeys), expectedCache)
		}
		if err != nil {
			return nil, Errorf(InvalidArgument, "%s: %s", what, AsError(err).Message)
		}
	}
	return limits, nil
}

// units are those of sizes, in which "64MB" may be given.
var units = map[string]int64{"": 1, "b": 1, "kb": 1 << 10, "kib": 1 << 10, "mb": 1 << 20, "mib": 1 << 20, "gb": 1 << 30, "gib": 1 << 30}

// readSize reads bytes: a number, or a text with a unit.
func readSize(v []byte) (int64, error) {
	text := strings.ToLower(strings.ReplaceAll(string(bytes.Trim(v, `"`)), " ", ""))
	at := strings.IndexFunc(text, func(c rune) bool { return (c < '0' || c > '9') && c != '.' })
	if at < 0 {
		at = len(text)
	}
	n, err := strconv.ParseFloat(text[:at], 64)
	unit, known := units[text[at:]]
	size := n * float64(unit)
	if err != nil || !known || !(size >= 1) || size > setting.MostCount {
		return 0, Errorf(InvalidArgument, "\"size\" is %s; expected bytes, a number greater than 0, or a text such as \"64MB\"", shown.Value(v))
	}
	return int64(size), nil
}
