package openai

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// Azure OpenAI speaks OpenAI's format at addresses of its own (Azure OpenAI
// reference, "Data plane inference"; "v1 API"): under /openai/v1 the body's
// model names the deployment, under /openai/deployments the path does. What its
// content filter says stands in fields that core/llm passes on.

// deployments ends the base URL whose next segment is the deployment.
const deployments = "/deployments"

// azure is the format at one base URL, as core/vendor has completed it.
type azure struct {
	format
	models   wire.Root // of the list of models
	perModel bool      // the path names the deployment, and the base URL does not
}

// NewAzure makes the format; it is a [wire.New].
func NewAzure(o wire.Options) wire.Format {
	w := &azure{format: format{o}, models: o.At}
	base, query, _ := strings.Cut(o.At.With("", ""), "?")
	if at := strings.Index(base, "/openai"+deployments); at >= 0 {
		w.models = wire.RootOf(base[:at] + "/openai?" + query)
		w.perModel = strings.HasSuffix(base, deployments)
	}
	return w
}

// URL implements [wire.Format], as the methods below do.
func (w *azure) URL(model string, _ bool) string {
	path := "/chat/completions"
	if w.perModel {
		path = "/" + url.PathEscape(model) + path
	}
	return w.At.With(path, "")
}

func (w *azure) Models() string { return w.models.With("/models", "") }

func (w *azure) Authorize(h http.Header) {
	if w.Key != "" {
		h.Set("Api-Key", w.Key)
	}
}

// Advice implements [wire.Adviser].
func (w *azure) Advice(e *llm.Error, c *wire.Call) string {
	switch {
	case e.ProviderCode == "DeploymentNotFound" && (w.perModel || w.models == w.At):
		return "the deployment " + shown.Name(c.Model) + " was asked for; set \"deployment\" to a name that the Azure portal lists under Deployments"
	case e.ProviderCode == "DeploymentNotFound":
		return "set base_url to the address of a deployment that the Azure portal lists under Deployments"
	case e.Status == http.StatusNotFound && w.models != w.At:
		return "is there such a deployment, and does \"api_version\" know it?"
	}
	return ""
}
