package openai

import (
	"cmp"
	"encoding/json"
	"net/url"
	"slices"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// This file is OpenAI's embeddings (API reference, "Create embeddings"), which
// others speak as widely as its chat completions.

// OpenAI takes 2048 texts of 300 000 tokens in all, of which each has about two
// bytes or more.
const (
	embedTexts = 2048
	embedBytes = 600_000
)

// embedForm is how requests for vectors differ.
type embedForm struct {
	input, dimensions, encoding string // names of fields; no encoding: numbers only
	kind                        string // the field for what the vectors are for; "" for none
	kinds                       [5]string
}

// form is that of the vendor: OpenAI's, Cohere's (API reference, "Embed API
// (v2)"), Voyage's or Jina's ("Embedding API" each). kinds are the words for
// [llm.InputTypes].
func (w *format) form() embedForm {
	switch w.Others {
	case wire.Cohere:
		return embedForm{"texts", "output_dimension", "", "input_type", [5]string{"search_query", "search_document", "", "classification", "clustering"}}
	case wire.Voyage:
		return embedForm{"input", "output_dimension", "encoding_format", "input_type", [5]string{"query", "document"}}
	case wire.Jina:
		return embedForm{"input", "dimensions", "", "task", [5]string{"retrieval.query", "retrieval.passage", "text-matching", "classification", "separation"}}
	}
	return embedForm{input: "input", dimensions: "dimensions", encoding: "encoding_format"}
}

// EmbedURL implements [wire.Embedder], as the methods below do.
func (w *format) EmbedURL(string) string {
	if w.Others == wire.Cohere {
		return w.At.Cohere().With("/embed", "")
	}
	return w.At.With("/embeddings", "")
}

func (w *azure) EmbedURL(model string) string {
	if w.perModel {
		return w.At.With("/"+url.PathEscape(model)+"/embeddings", "")
	}
	return w.format.EmbedURL(model)
}

func (w *format) EmbedLimits(string) (texts, bytes int) {
	return cmp.Or(w.EmbedTexts, embedTexts), embedBytes
}

// EmbedBody asks for base64, which is four times smaller than numbers, where
// the vendor has it.
func (w *format) EmbedBody(e *wire.Embedding) ([]byte, error) {
	f := w.form()
	fields := map[string]any{"model": e.Model, f.input: e.Texts}
	if e.Packed = f.encoding != "" && !e.Plain; e.Packed {
		fields[f.encoding] = "base64"
	}
	if e.Request.Dimensions > 0 {
		fields[f.dimensions] = e.Request.Dimensions
	}
	kind := ""
	if i := slices.Index(llm.InputTypes, e.Request.InputType); i >= 0 {
		if kind = f.kinds[i]; kind == "" {
			e.Adapt("input_type", wire.LeftOut)
		}
	}
	if w.Others == wire.Cohere {
		fields["embedding_types"] = []string{"float"}
		kind = cmp.Or(kind, "search_document") // it must be there
	}
	if kind != "" && !wire.IsThere(e.Request.Extra[f.kind]) {
		fields[f.kind] = kind
	}
	return wire.WithExtra(fields, e.Request.Extra), nil
}

func (w *format) Vectors(data []byte, e *wire.Embedding) error {
	var vectors, typed []wire.Listed
	var usage, meta json.RawMessage
	r := wire.AnswerReader(data)
	if r.Next() == '[' { // of servers that have no other answer
		vectors = wire.VectorsIn(&r)
	}
	for more := r.Next() == '{' && wire.Object(&r); more; more = r.NextField() {
		switch string(r.Key) {
		case "data":
			vectors = wire.VectorsIn(&r)
		case "embeddings":
			typed = wire.TypedVectorsIn(&r)
		case "usage":
			usage = wire.Span(&r)
		case "meta":
			meta = wire.Span(&r)
		}
	}
	if err := r.End(); err != nil {
		return wire.UnreadVectors(data, err)
	}
	if len(vectors) == 0 || w.Others == wire.Cohere && len(typed) > 0 {
		vectors = typed
	}
	e.Usage = usageIn(usage, meta)
	return e.PlaceListed(vectors)
}
