package faultwall

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
)

// This file is the vectors of Bedrock's InvokeModel (Bedrock user guide,
// "Amazon Titan Embeddings Text", "Cohere Embed and Cohere Embed v4") and of
// Vertex AI (its reference, "Text embeddings API").

// invokeFields are the fields of each model's body; Bedrock takes no others.
func invokeFields(model string) []string {
	switch {
	case strings.Contains(model, "cohere.embed-v4"):
		return []string{"texts", "input_type", "truncate", "embedding_types", "output_dimension", "max_tokens", "images", "inputs"}
	case strings.Contains(model, "cohere.embed"):
		return []string{"texts", "input_type", "truncate", "embedding_types", "images"}
	case strings.Contains(model, "titan-embed-text-v2"):
		return []string{"inputText", "dimensions", "normalize", "embeddingTypes"}
	case strings.Contains(model, "titan-embed"):
		return []string{"inputText"}
	}
	return nil
}

// readInvoke reads a request for vectors of Titan or of Cohere.
func (c *call) readInvoke(model string) *Step {
	c.dialect, c.kind, c.model = bedrock{}, KindChat, model
	refuse := func(message string) *Step {
		return awsRefusal(http.StatusBadRequest, "ValidationException", message)
	}
	var body struct {
		Text       *string  `json:"inputText"`
		Dimensions int      `json:"dimensions"`
		Texts      []string `json:"texts"`
		Kind       string   `json:"input_type"`
		Types      []string `json:"embedding_types"`
		Output     int      `json:"output_dimension"`
	}
	var fields map[string]json.RawMessage
	if llm.JSON.Unmarshal(c.body, &body) != nil || llm.JSON.Unmarshal(c.body, &fields) != nil {
		return refuse("Malformed input request, please reformat your input and try again.")
	}
	known := invokeFields(model)
	if known == nil {
		return refuse("The provided model identifier is invalid.")
	}
	for name := range fields {
		if !slices.Contains(known, name) {
			return refuse("Malformed input request: #: extraneous key [" + name + "] is not permitted, please reformat your input and try again.")
		}
	}
	ask := &embedAsk{texts: body.Texts, dimensions: max(body.Dimensions, body.Output), cohere: known[0] == "texts", types: len(body.Types) > 0}
	if body.Text != nil {
		ask.texts = []string{*body.Text}
	}
	switch {
	case len(ask.texts) == 0:
		return refuse("Malformed input request: #: required key [" + known[0] + "] not found, please reformat your input and try again.")
	case ask.cohere && body.Kind == "":
		return refuse("Malformed input request: #: required key [input_type] not found, please reformat your input and try again.")
	case ask.cohere && len(ask.texts) > 96:
		return refuse(fmt.Sprintf("Malformed input request: #/texts: expected maximum item count: 96, found: %d, please reformat your input and try again.", len(ask.texts)))
	}
	c.embed = ask
	return nil
}

// invoked is the healthy answer of Titan or of Cohere.
func invoked(ask *embedAsk, plain [][]float32, tokens int) any {
	switch {
	case !ask.cohere:
		return object("embedding", plain[0], "embeddingsByType", object("float", plain[0]), "inputTextTokenCount", tokens)
	case ask.types:
		return object("id", "1", "embeddings", object("float", plain), "texts", ask.texts, "response_type", "embeddings_by_type")
	}
	return object("id", "1", "embeddings", plain, "texts", ask.texts, "response_type", "embeddings_floats")
}

// readVertexEmbed reads a request for vectors at Vertex AI: predict for all
// models, embedContent for Gemini's. Gemini's take one text.
func (c *call) readVertexEmbed(model, method string) *Step {
	c.kind, c.model, c.dialect = KindChat, model, vertexGemini{}
	refuse := func(message string) *Step {
		return &Step{Status: http.StatusBadRequest, Body: vertexError(http.StatusBadRequest, message)}
	}
	type config struct {
		Dimensions int `json:"outputDimensionality"`
	}
	var body struct {
		Instances []struct {
			Content string `json:"content"`
		} `json:"instances"`
		Parameters config `json:"parameters"`
		Content    struct {
			Parts []struct {
				Text string `json:"text"`
			} `json:"parts"`
		} `json:"content"`
		Config config `json:"embedContentConfig"`
	}
	if err := llm.JSON.Unmarshal(c.body, &body); err != nil {
		return refuse("Invalid JSON payload received. " + err.Error())
	}
	gemini := strings.Contains(model, "gemini")
	ask := &embedAsk{dimensions: max(body.Parameters.Dimensions, body.Config.Dimensions), content: method == "embedContent"}
	for _, one := range body.Instances {
		ask.texts = append(ask.texts, one.Content)
	}
	for _, one := range body.Content.Parts {
		ask.texts = append(ask.texts, one.Text)
	}
	most := 250
	if gemini || ask.content {
		most = 1
	}
	switch n := len(ask.texts); {
	case ask.content && !gemini:
		return &Step{Status: http.StatusNotFound}
	case n == 0:
		return refuse("Request contains an invalid argument.")
	case n > most:
		return refuse(fmt.Sprintf("%d instance(s) is allowed per prediction. Actual: %d", most, n))
	}
	c.embed = ask
	return nil
}

// predicted is the healthy answer of Vertex AI.
func predicted(ask *embedAsk, plain [][]float32, tokens int) any {
	if ask.content {
		return object("embedding", object("values", plain[0]), "usageMetadata", object("promptTokenCount", tokens), "truncated", false)
	}
	all := make([]any, len(plain))
	for i := range plain {
		all[i] = object("embeddings", object("values", plain[i],
			"statistics", object("truncated", false, "token_count", len(strings.Fields(ask.texts[i])))))
	}
	return object("predictions", all, "metadata", object("billableCharacterCount", len(strings.Join(ask.texts, ""))))
}
