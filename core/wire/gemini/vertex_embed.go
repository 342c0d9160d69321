package gemini

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire"
)

// This file is the vectors of Vertex AI: predict (Vertex AI reference, "Text
// embeddings API") and, for Gemini's models after the first, embedContent, as
// Google's SDK asks for them.

// A request takes 250 texts of 20 000 tokens in all, of which each has about
// two bytes or more; Gemini's models take one text.
const (
	vertexTexts = 250
	vertexBytes = 40_000
)

func isGemini(model string) bool { return strings.Contains(model, "gemini") }

// embedsContent tells whether a model is asked by embedContent.
func embedsContent(model string) bool {
	return strings.Contains(model, "maas") || isGemini(model) && !strings.Contains(model, "gemini-embedding-001")
}

// EmbedURL implements [wire.Embedder], as the methods below do.
func (w *vertex) EmbedURL(model string) string {
	if embedsContent(model) {
		return w.at.URL(model, "embedContent", "")
	}
	return w.at.URL(model, "predict", "")
}

func (w *vertex) EmbedLimits(model string) (texts, bytes int) {
	if isGemini(model) || embedsContent(model) {
		return 1, vertexBytes
	}
	return vertexTexts, vertexBytes
}

type vertexInstance struct {
	Content  string `json:"content"`
	TaskType string `json:"task_type,omitempty"`
}

type vertexParameters struct {
	Dimensions   int             `json:"outputDimensionality,omitempty"`
	AutoTruncate json.RawMessage `json:"autoTruncate,omitempty"`
	TaskType     string          `json:"taskType,omitempty"` // of embedContent only
}

// EmbedBody passes "autoTruncate" on: without it, too long texts are cut.
func (w *vertex) EmbedBody(e *wire.Embedding) ([]byte, error) {
	how := vertexParameters{Dimensions: e.Request.Dimensions}
	cuts := []string{"auto_truncate", "autoTruncate"}
	how.AutoTruncate = ownField(e.Request.Extra, cuts...)
	e.LacksOthers(e.Request.Extra, cuts)
	purpose := taskTypes[e.Request.InputType]
	if embedsContent(e.Model) {
		how.TaskType = purpose
		parts := make([]sentPart, len(e.Texts))
		for i, text := range e.Texts {
			parts[i] = textPart(text)
		}
		return llm.JSONOf(struct {
			Content content          `json:"content"`
			Config  vertexParameters `json:"embedContentConfig"`
		}{content{Role: "user", Parts: parts}, how}), nil
	}
	instances := make([]vertexInstance, len(e.Texts))
	for i, text := range e.Texts {
		instances[i] = vertexInstance{text, purpose}
	}
	return llm.JSONOf(struct {
		Instances  []vertexInstance `json:"instances"`
		Parameters vertexParameters `json:"parameters"`
	}{instances, how}), nil
}

// vertexVectors is an answer of either method.
type vertexVectors struct {
	Predictions []struct {
		Embeddings struct {
			Values     wire.Vector `json:"values"`
			Statistics struct {
				Tokens    *float64 `json:"token_count"`
				Truncated bool     `json:"truncated"`
			} `json:"statistics"`
		} `json:"embeddings"`
	} `json:"predictions"`
	Embedding *struct {
		Values wire.Vector `json:"values"`
	} `json:"embedding"`
	Usage struct {
		Tokens json.RawMessage `json:"promptTokenCount"`
	} `json:"usageMetadata"`
	Truncated bool `json:"truncated"`
}

// Vectors gives those that were shortened the length 1, as Gemini's do, and
// notes that a text was cut.
func (w *vertex) Vectors(data []byte, e *wire.Embedding) error {
	var answer vertexVectors
	if err := llm.JSON.Unmarshal(data, &answer); err != nil {
		return llm.Errorf(llm.BadResponse, "the answer is not the JSON of embeddings (%d bytes): %v", len(data), err)
	}
	var vectors []wire.Vector
	tokens, told, cut := 0.0, true, answer.Truncated
	for i := range answer.Predictions {
		one := &answer.Predictions[i].Embeddings
		vectors = append(vectors, one.Values)
		if cut = cut || one.Statistics.Truncated; one.Statistics.Tokens == nil {
			told = false
		} else {
			tokens += *one.Statistics.Tokens
		}
	}
	if answer.Embedding != nil {
		vectors = append(vectors, answer.Embedding.Values)
		e.Usage = wire.TokensOf(answer.Usage.Tokens)
	} else if told && tokens >= 0 && tokens < 1<<31 {
		e.Usage = wire.TokensOf(strconv.AppendInt(nil, int64(tokens), 10))
	}
	if cut {
		e.Adapt("input", "a text was cut")
	}
	if err := e.Place(vectors, wire.InOrder); err != nil {
		return err
	}
	if e.Request.Dimensions > 0 {
		wire.Normalize(e.Vectors)
	}
	return nil
}
