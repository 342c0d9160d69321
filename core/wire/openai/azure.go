package openai

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// Azure OpenAI uses OpenAI's format but its own addresses (Azure OpenAI
// reference, "Data plane inference"; "v1 API"). Under /openai/v1, the field
// model of the body names the deployment; under /openai/deployments, the path
// names it. The results of Azure's content filter are in fields that core/llm
// passes on.

// deployments is the end of a base URL to which each request appends the name
// of its deployment.
const deployments = "/deployments"

// azure is the format at a base URL that core/vendor has completed.
type azure struct {
	format
	models   wire.Root // the root of the list of models
	perModel bool      // each request adds the deployment to the path; the base URL has none
}

// NewAzure makes Azure's format; it is a [wire.New].
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
		return "the request names the deployment " + shown.Name(c.Model) + "; set \"deployment\" to a name that the Azure portal lists under Deployments"
	case e.ProviderCode == "DeploymentNotFound":
		return "set base_url to the address of a deployment that the Azure portal lists under Deployments"
	case e.Status == http.StatusNotFound && w.models != w.At:
		return "check that the deployment exists and that \"api_version\" supports it"
	}
	return ""
}
