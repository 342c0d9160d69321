package faultwall

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"net/http"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
)

// embedAsk is what a request for vectors asks for.
type embedAsk struct {
	texts      []string
	dimensions int
	base64     bool
	cohere     bool // Cohere's own shape
	types      bool // at Bedrock: vectors by type
	content    bool // at Vertex AI: by embedContent
}

// embedDimensions is the length of the wall's vectors, unless a request asks
// for another.
const embedDimensions = 8

// Vector is what the wall gives for a text: the same for the same text, of
// length 1.
func Vector(text string, dimensions int) []float32 {
	v := make([]float32, dimensions)
	var sum float64
	for i := range v {
		h := fnv.New32a()
		fmt.Fprintf(h, "%d %s", i, text)
		v[i] = float32(h.Sum32()%1000)/1000 + 0.001
		sum += float64(v[i]) * float64(v[i])
	}
	for i := range v {
		v[i] = float32(float64(v[i]) / math.Sqrt(sum))
	}
	return v
}

// readEmbed reads a request for vectors in any format: the dialect is set.
func (c *call) readEmbed(r *http.Request, most int) *Step {
	c.kind = KindChat
	var fields struct {
		Model      string          `json:"model"`
		Input      json.RawMessage `json:"input"`
		Encoding   string          `json:"encoding_format"`
		Dimensions int             `json:"dimensions"`
		Output     int             `json:"output_dimension"` // Cohere's and Voyage's
		Texts      json.RawMessage `json:"texts"`            // Cohere's
		Kind       string          `json:"input_type"`
		Requests   []struct {
			Model   string `json:"model"`
			Content struct {
				Parts []struct {
					Text string `json:"text"`
				} `json:"parts"`
			} `json:"content"`
			Dimensions int `json:"outputDimensionality"`
		} `json:"requests"`
	}
	if llm.JSON.Unmarshal(c.body, &fields) != nil {
		return &Step{Status: http.StatusBadRequest}
	}
	ask := &embedAsk{dimensions: fields.Dimensions, base64: fields.Encoding == "base64"}
	c.embed, c.model = ask, fields.Model
	if ask.cohere = strings.HasSuffix(r.URL.Path, "/v2/embed"); ask.cohere {
		fields.Input = fields.Texts
		if fields.Kind == "" {
			return &Step{Status: http.StatusBadRequest, Body: object("message", "invalid request: input_type is required")}
		}
	}
	ask.dimensions = max(ask.dimensions, fields.Output)
	var one string
	if llm.JSON.Unmarshal(fields.Input, &one) == nil {
		ask.texts = []string{one}
	} else {
		_ = llm.JSON.Unmarshal(fields.Input, &ask.texts) // without texts it is refused
	}
	for _, request := range fields.Requests {
		c.model, ask.dimensions = strings.TrimPrefix(request.Model, "models/"), request.Dimensions
		for _, part := range request.Content.Parts {
			ask.texts = append(ask.texts, part.Text)
		}
	}
	if n := len(ask.texts); n == 0 || n > most {
		return &Step{Status: http.StatusBadRequest, Body: object("error", object("type", "invalid_request_error", "code", nil, "param", "input",
			"message", fmt.Sprintf("'$.input' has %d texts; from 1 to %d are taken.", n, most)))}
	}
	return nil
}

// embedded is the healthy answer to a request for vectors.
func (c *call) embedded() any {
	ask := c.embed
	tokens := 0
	plain := make([][]float32, len(ask.texts))
	if ask.dimensions <= 0 {
		ask.dimensions = embedDimensions
	}
	for i, text := range ask.texts {
		plain[i] = Vector(text, ask.dimensions)
		tokens += len(strings.Fields(text))
	}
	switch c.dialect.(type) {
	case ollama:
		return object("model", c.model, "embeddings", plain, "total_duration", 1_500_000, "load_duration", 1, "prompt_eval_count", tokens)
	case bedrock:
		return invoked(ask, plain, tokens)
	case vertexGemini:
		return predicted(ask, plain, tokens)
	case gemini:
		all := make([]any, len(plain))
		for i := range plain {
			all[i] = object("values", plain[i])
		}
		return object("embeddings", all)
	}
	if ask.cohere {
		return object("id", "1", "embeddings", object("float", plain), "texts", ask.texts, "response_type", "embeddings_by_type",
			"meta", object("billed_units", object("input_tokens", tokens)))
	}
	data := make([]any, len(plain))
	for i := range plain {
		var one any = plain[i]
		if ask.base64 {
			raw := make([]byte, 0, 4*len(plain[i]))
			for _, x := range plain[i] {
				raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
			}
			one = base64.StdEncoding.EncodeToString(raw)
		}
		data[i] = object("object", "embedding", "index", i, "embedding", one)
	}
	return object("object", "list", "data", data, "model", c.model, "usage", object("prompt_tokens", tokens, "total_tokens", tokens))
}
