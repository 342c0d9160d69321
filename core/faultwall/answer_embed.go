package faultwall

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"net/http"
	"slices"
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

// What follows is the vectors of Bedrock's InvokeModel (Bedrock user guide,
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
