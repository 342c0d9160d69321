package aggregator

import (
	"cmp"
	"context"

	"github.com/llmagg/llmagg/core/client"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// Rerank ranks documents by how well they fit a query, on the routes one after
// the other, as a chat. A route whose vendor ranks none is UNSUPPORTED.
func (a *Aggregator) Rerank(ctx context.Context, r *llm.RerankRequest) (*llm.RerankResponse, error) {
	routes, err := a.routes(r.Model)
	if err != nil {
		return nil, err
	}
	return a.RerankRoutes(ctx, routes, r)
}

// RerankRoutes is Rerank over the given routes instead of the manager's.
func (a *Aggregator) RerankRoutes(ctx context.Context, routes []*client.Client, r *llm.RerankRequest) (*llm.RerankResponse, error) {
	if err := cmp.Or(a.wrong, r.Check()); err != nil {
		return nil, err
	}
	if len(routes) == 0 {
		return nil, errNoRoutes
	}
	p := &llm.Payload{Options: r.Options, N: 1}
	a.fill(p, &p.Options)
	w, err := a.loopOver(ctx, routes, p, false)
	if err != nil {
		return nil, err
	}
	defer w.leave()
	for _, text := range r.Documents {
		w.call.Bytes += len(r.Query) + len(text)
	}
	ranking := &wire.Ranking{Request: r}
	if err := w.run(routes[0].Machinery().Ranks(ranking)); err != nil {
		return nil, err
	}
	answer := &ranking.Response
	answer.Model, answer.CallID, answer.Attempts = ranking.Call.Model, w.call.ID, w.call.Attempts()
	answer.Cost = llm.TotalCost(answer.Attempts)
	return answer, nil
}
