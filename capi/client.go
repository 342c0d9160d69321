package main

// #include "shim.h"
import "C"

import (
	"cmp"
	"context"
	"encoding/json"
	"sync"
	"unsafe"

	"github.com/llmagg/llmagg/core/aggregator"
	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/config"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/manager"
)

type clientObject struct {
	scope   *scope // calls through this handle
	through []*scope
	c       *client.Client
	owned   bool // closes with its handle
}

func (*clientObject) kind() C.int { return C.SHIM_CLIENT }

// free ends the calls through the handle, and the client where it is owned.
func (o *clientObject) free() {
	o.scope.close()
	if o.owned {
		_ = o.c.Close(now()) // what has not ended yet ends by itself
	}
}

func newClientObject(c *client.Client, owned bool) object {
	s := newScope("the client's handle")
	return &clientObject{scope: s, through: []*scope{s}, c: c, owned: owned}
}

// ownClient makes the object of a client that was made for its handle.
func ownClient(c *client.Client, err error) (object, error) { return newClientObject(c, true), err }

// lentClient makes the object of a client that belongs to a provider.
func lentClient(c *client.Client, err error) (object, error) { return newClientObject(c, false), err }

// modelConfig reads the configuration of a single route: that of a model, with
// "provider" and "name" in it.
func modelConfig(from *C.char, n C.size_t) (config.Model, error) {
	text := borrow(from, n)
	if err := checkObject("config", text); err != nil {
		return config.Model{}, err
	}
	fields := map[string]json.RawMessage{}
	if err := llm.JSON.Unmarshal(text, &fields); err != nil {
		return config.Model{}, llm.Errorf(llm.InvalidArgument, "argument config cannot be read: %v", err)
	}
	var names [2]string
	for i, key := range []string{"provider", "name"} {
		if err := llm.JSON.Unmarshal(fields[key], &names[i]); err != nil || names[i] == "" {
			return config.Model{}, llm.Errorf(llm.InvalidArgument, "the configuration of a client needs %q, a string", key)
		}
		delete(fields, key)
	}
	whole := llm.JSONOf(map[string]any{"models": map[string]any{names[1]: fields}})
	p, err := config.ParseProvider(names[0], whole, parseOptions())
	if err != nil {
		return config.Model{}, err
	}
	return p.Models[0], nil
}

//export goClientNew
func goClientNew(text *C.char, n C.size_t, out *C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return give("llmagg_client_new", out, err, func() (object, error) {
		cfg, e := modelConfig(text, n)
		if e != nil {
			return nil, e
		}
		return ownClient(attached(client.New(cfg, clientOptions())))
	})
}

//export goClientNewCustom
func goClientNewCustom(text *C.char, n C.size_t, q unsafe.Pointer, tag C.uint64_t, out *C.uintptr_t, err **C.llmagg_error) C.llmagg_status {
	return give("llmagg_client_new_custom", out, err, func() (object, error) {
		cfg, e := modelConfig(text, n)
		if e != nil {
			return nil, e
		}
		return ownClient(attached(client.NewCustom(cfg, newCustomBackend(held[*queue](q), uint64(tag), cfg), clientOptions())))
	})
}

//export goClientInfo
func goClientInfo(h unsafe.Pointer, out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return tell("llmagg_client_info", h, out, err, func(o *clientObject) any {
		cfg := o.c.Config()
		info := map[string]any{
			"provider": o.c.Provider(), "name": o.c.Name(), "model": o.c.Model(), "available": o.c.Available(), "custom": o.c.Custom(), "tells_cost": o.c.TellsCost(),
			"config": map[string]any{
				"type": cfg.Type, "base_url": o.c.Address(), "timeout": cfg.Timeout.Seconds(), "idle_timeout": cfg.IdleTimeout.Seconds(),
				"connect_timeout": cfg.ConnectTimeout.Seconds(), "reader_timeout": cfg.ReaderTimeout.Seconds(),
				"max_retries": cfg.MaxRetries, "max_concurrent_calls": concurrent(&cfg),
			},
		}
		if name, prefix, found := o.c.KeyHeader(); found {
			info["key_header"] = map[string]string{"name": name, "prefix": prefix}
		}
		return info
	})
}

// concurrent is max_concurrent_calls as a configuration has it.
func concurrent(cfg *config.Model) any {
	if a := cfg.Adaptive; a != (config.Adaptive{}) {
		return map[string]int{"min": a.Min, "max": a.Max, "start": a.Start}
	}
	return cfg.MaxConcurrentCalls
}

//export goClientReport
func goClientReport(h unsafe.Pointer, out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return tell("llmagg_client_report", h, out, err, func(o *clientObject) any { return o.c.Report() })
}

//export goClientSetAvailable
func goClientSetAvailable(h unsafe.Pointer, available C.int, err **C.llmagg_error) C.llmagg_status {
	return on("llmagg_client_set_available", h, err, func(o *clientObject) error {
		o.c.SetAvailable(available != 0)
		return nil
	})
}

//export goClientRest
func goClientRest(h unsafe.Pointer, err **C.llmagg_error) C.llmagg_status {
	return on("llmagg_client_rest", h, err, func(o *clientObject) error {
		o.c.Rest()
		return nil
	})
}

// routes is a list of clients that is called like an aggregator.
type routes struct {
	clients []*client.Client
	through []*scope
}

// overRoutes is the aggregator for calls over explicit routes; it has none of
// its own.
var overRoutes = sync.OnceValue(func() *aggregator.Aggregator {
	return aggregator.New(manager.New(manager.Options{Observers: &observers}), aggregator.Options{CacheNamed: cacheNamed})
})

// ChatPayload makes the call over the routes; see [callForm].
func (r routes) ChatPayload(ctx context.Context, p *llm.Payload) (*llm.Response, error) {
	return overRoutes().ChatRoutes(ctx, r.clients, p)
}

// StreamPayload makes the call over the routes; see [callForm].
func (r routes) StreamPayload(ctx context.Context, p *llm.Payload) (*client.Stream, error) {
	return overRoutes().StreamRoutes(ctx, r.clients, p)
}

// Embed is for [otherForm].
func (r routes) Embed(ctx context.Context, e *llm.EmbeddingRequest) (*llm.EmbeddingResponse, error) {
	return overRoutes().EmbedRoutes(ctx, r.clients, e)
}

// Rerank is for [otherForm].
func (r routes) Rerank(ctx context.Context, e *llm.RerankRequest) (*llm.RerankResponse, error) {
	return overRoutes().RerankRoutes(ctx, r.clients, e)
}

// CheckHealth asks the routes whether they are alive, in their order.
func (r routes) CheckHealth(ctx context.Context) []bool {
	alive := make([]bool, len(r.clients))
	var all sync.WaitGroup
	for i, c := range r.clients {
		all.Go(func() { alive[i] = c.CheckHealth(ctx) })
	}
	all.Wait()
	return alive
}

// routesOf are the routes of the clients that a post holds.
func routesOf(clients []*C.shim_entry) routes {
	r := routes{clients: make([]*client.Client, 0, len(clients)), through: make([]*scope, 0, len(clients))}
	for _, e := range clients {
		o := held[*clientObject](e._go)
		r.clients = append(r.clients, o.c)
		r.through = append(r.through, o.scope)
	}
	return r
}

//export goResolve
func goResolve(catalog *C.char, catalogLen C.size_t, models *C.char, modelsLen C.size_t, out *C.llmagg_buf, err **C.llmagg_error) C.llmagg_status {
	return guard("llmagg_resolve", err, func() error {
		var entries []aggregator.CatalogEntry
		var names []string
		if e := readJSON("catalog", borrow(catalog, catalogLen), &entries); e != nil {
			return e
		}
		if e := readJSON("models", borrow(models, modelsLen), &names); e != nil {
			return e
		}
		for i := range entries {
			entries[i].Model = cmp.Or(entries[i].Model, entries[i].Name)
		}
		found, e := aggregator.Resolve(entries, names)
		if e != nil {
			return e
		}
		return setJSON(out, found)
	})
}
