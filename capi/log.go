package main

// #include "shim.h"
import "C"

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/observe"
)

// logTarget is where LOG events go.
type logTarget struct {
	level slog.Level
	queue *queue
}

// logging is the target of the whole process; nil: nowhere.
var logging atomic.Pointer[logTarget]

// logHandler is the slog.Handler of every logger in the library.
type logHandler struct {
	attrs  []slog.Attr
	groups string // "a.b." in front of the keys
}

func (h logHandler) Enabled(_ context.Context, level slog.Level) bool {
	t := logging.Load()
	return t != nil && level >= t.level
}

func (h logHandler) Handle(_ context.Context, r slog.Record) error {
	t := logging.Load()
	if t == nil || r.Level < t.level {
		return nil
	}
	attrs := map[string]any{}
	for _, a := range h.attrs {
		putAttr(attrs, "", a)
	}
	r.Attrs(func(a slog.Attr) bool { putAttr(attrs, h.groups, a); return true })
	data, err := llm.JSON.Marshal(struct {
		Level   int            `json:"level"`
		Time    float64        `json:"time"`
		Message string         `json:"message"`
		Attrs   map[string]any `json:"attrs"`
	}{int(r.Level), float64(r.Time.UnixMicro()) / 1e6, strings.ToValidUTF8(r.Message, "\uFFFD"), attrs})
	if err != nil {
		return err
	}
	t.queue.offer(eventLog, data)
	return nil
}

// putAttr flattens groups: {"http.status": 500}.
func putAttr(to map[string]any, prefix string, a slog.Attr) {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindGroup:
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, inner := range v.Group() {
			putAttr(to, prefix, inner)
		}
	case slog.KindInt64, slog.KindUint64, slog.KindFloat64, slog.KindBool:
		to[prefix+a.Key] = v.Any()
	case slog.KindDuration:
		to[prefix+a.Key] = v.Duration().Seconds()
	case slog.KindTime:
		to[prefix+a.Key] = v.Time().Format(time.RFC3339Nano)
	default:
		to[prefix+a.Key] = strings.ToValidUTF8(v.String(), "\uFFFD")
	}
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	grown := append([]slog.Attr{}, h.attrs...)
	for _, a := range attrs {
		a.Key = h.groups + a.Key
		grown = append(grown, a)
	}
	return logHandler{grown, h.groups}
}

func (h logHandler) WithGroup(name string) slog.Handler {
	return logHandler{h.attrs, h.groups + name + "."}
}

// strayLog takes what Go's packages write through the log package. What they
// quote came from a server and is left out: net/http repeats what one sent
// unasked, which may be the key (L2).
type strayLog struct{}

func (strayLog) Write(p []byte) (int, error) {
	text, _, _ := strings.Cut(string(p), `"`)
	slog.New(logHandler{}).Warn(strings.TrimSpace(text))
	return len(p), nil
}

// watching is where the process's observations go. Whoever changes that waits
// for those that are on their way.
var watching struct {
	sync.RWMutex
	queue *queue // nil: nowhere
	stop  func() // ends the listening to observers; nil while nobody does
}

// watch sends observations to q from now on; nil: to nobody. What was told
// before is in the former queue when it returns.
func watch(q *queue) {
	watching.Lock()
	defer watching.Unlock()
	watching.queue = q
	if q != nil && watching.stop == nil {
		watching.stop = observers.Listen(observed)
	} else if q == nil && watching.stop != nil {
		watching.stop()
		watching.stop = nil
	}
}

// observed puts an observation into the queue.
func observed(v observe.Observation) {
	watching.RLock()
	defer watching.RUnlock()
	if watching.queue == nil {
		return
	}
	_ = recovered("observe", func() { // logged
		if data, err := v.MarshalJSON(); err == nil {
			watching.queue.offer(eventObserve, data)
		}
	})
}

// forgetLogQueue ends logging, observing and asking for tokens by a queue that
// is freed.
func forgetLogQueue(q *queue) {
	tokenQueue.CompareAndSwap(q, nil)
	if t := logging.Load(); t != nil && t.queue == q {
		logging.CompareAndSwap(t, nil)
	}
	watching.RLock()
	here := watching.queue == q
	watching.RUnlock()
	if here {
		watch(nil)
	}
}

//export goLogToQueue
func goLogToQueue(level C.int32_t, h unsafe.Pointer, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_log_to_queue", err, func() error {
		if h == nil {
			logging.Store(nil)
			return nil
		}
		logging.Store(&logTarget{slog.Level(level), held[*queue](h)})
		return nil
	})
}

//export goObserveToQueue
func goObserveToQueue(h unsafe.Pointer, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_observe_to_queue", err, func() error {
		watch(held[*queue](h))
		return nil
	})
}
