package bedrock

import (
	"encoding/json"
	"strings"

	"github.com/llmagg/llmagg/core/wire"
)

// This file is the vectors of Bedrock's InvokeModel (Bedrock user guide,
// "Amazon Titan Embeddings Text" and "Cohere Embed and Cohere Embed v4"), whose
// bodies are those of the models' makers.

const (
	titanTexts  = 1 // in one request
	cohereTexts = 96
	embedBytes  = 1 << 20
)

// Models are told by their ids, which an inference profile or an ARN holds,
// too.
func isTitan(model string) bool {
	return strings.Contains(model, "titan-embed-text") || strings.Contains(model, "titan-embed-g1-text")
}

func isCohere(model string) bool { return strings.Contains(model, "cohere.embed") }

// EmbedURL implements [wire.Embedder], as the methods below do.
func (w *format) EmbedURL(model string) string {
	return w.At.With("/model/"+escaped(model)+"/invoke", "")
}

func (w *format) EmbedLimits(model string) (texts, bytes int) {
	if isCohere(model) {
		return cohereTexts, embedBytes
	}
	return titanTexts, embedBytes
}

func (w *format) EmbedBody(e *wire.Embedding) ([]byte, error) {
	switch {
	case isTitan(e.Model):
		return titanBody(e)
	case isCohere(e.Model):
		return cohereBody(e)
	}
	return nil, wire.Unsupported("of Bedrock's models, only Titan's and Cohere's make embeddings here; \"model\" has neither \"titan-embed-text\" nor \"cohere.embed\"")
}

// titanBody has one text. Only the second version has other lengths.
func titanBody(e *wire.Embedding) ([]byte, error) {
	fields := map[string]any{"inputText": strings.Join(e.Texts, "\n")}
	second := strings.Contains(e.Model, "titan-embed-text-v2")
	if e.Request.Dimensions > 0 {
		if !second {
			return nil, wire.Unsupported("the model's vectors have 1536 numbers; leave out \"dimensions\"")
		}
		fields["dimensions"] = e.Request.Dimensions
	}
	if e.Request.InputType != "" {
		e.Adapt("input_type", wire.LeftOut)
	}
	if !second {
		return e.WithKnown(fields), nil
	}
	return e.WithKnown(fields, "normalize"), nil
}

// cohereInputs are Cohere's words for [llm.InputTypes]; one must be there.
var cohereInputs = map[string]string{"": "search_document", "query": "search_query", "document": "search_document",
	"classification": "classification", "clustering": "clustering"}

func cohereBody(e *wire.Embedding) ([]byte, error) {
	kind, known := cohereInputs[e.Request.InputType]
	if !known {
		kind = cohereInputs[""]
		e.Adapt("input_type", wire.LeftOut)
	}
	fields := map[string]any{"texts": e.Texts, "embedding_types": []string{"float"}}
	if !wire.IsThere(e.Request.Extra["input_type"]) {
		fields["input_type"] = kind
	}
	if e.Request.Dimensions > 0 {
		if !strings.Contains(e.Model, "embed-v4") {
			return nil, wire.Unsupported("the model's vectors have 1024 numbers; leave out \"dimensions\"")
		}
		fields["output_dimension"] = e.Request.Dimensions
	}
	return e.WithKnown(fields, "truncate", "max_tokens", "input_type"), nil
}

// tokensHeader tells the tokens of a request whose answer does not.
const tokensHeader = "X-Amzn-Bedrock-Input-Token-Count"

func (w *format) Vectors(data []byte, e *wire.Embedding) error {
	var vectors []wire.Listed
	var tokens json.RawMessage
	r := wire.AnswerReader(data)
	for more := wire.Object(&r); more; more = r.NextField() {
		switch string(r.Key) {
		case "embedding": // Titan's, of one text
			if r.Next() != 'n' {
				vectors = append(vectors, wire.VectorAt(&r))
			}
		case "embeddings":
			vectors = append(vectors, wire.TypedVectorsIn(&r)...)
		case "inputTextTokenCount":
			tokens = wire.Span(&r)
		}
	}
	if err := r.End(); err != nil {
		return wire.UnreadVectors(data, err)
	}
	if e.Usage = wire.TokensOf(tokens); e.Usage == nil && e.Header != nil {
		e.Usage = wire.TokensOf(json.RawMessage(e.Header.Get(tokensHeader)))
	}
	return e.PlaceListed(vectors)
}
