package llm

import "github.com/llmagg/llmagg/core/internal/jsontext"

// EmbeddingRequest asks for the vectors of texts.
type EmbeddingRequest struct {
	// Model names the model as in a chat; "" for the aggregator's own.
	Model string
	// Input are the texts, in any number.
	Input []string
	// Dimensions shortens the vectors, where the model can; 0 is the model's
	// own length.
	Dimensions int
	// InputType says what the vectors are for, to models that tell apart:
	// "query", "document", "similarity", "classification" or "clustering".
	InputType string
	// Extra is sent as it is to servers of OpenAI's shape, and to Ollama.
	Extra Extra
	// Options are those of a call.
	Options CallOptions
	// Memory gives memory for so many numbers, or nil: for applications that
	// want all vectors in one piece of memory of their own, one behind the
	// other. It is called once at most. Vectors that cannot be read into it are
	// elsewhere. May be nil.
	Memory func(numbers int) []float32
}

// InputTypes are the values of [EmbeddingRequest.InputType].
var InputTypes = []string{"query", "document", "similarity", "classification", "clustering"}

// EmbeddingResponse has one vector for each text, in the order of the texts.
type EmbeddingResponse struct {
	Model   string // the upstream's name of the model that answered
	Vectors [][]float32
	Usage   *Usage // of all requests that were made; nil where one told none
	Cost    *Cost  // of all requests; nil if it is not known
	// CallID is the number of the call, which all of its requests share, as in
	// observations.
	CallID uint64
	// Attempts lists the attempts of all requests that were made, request by
	// request.
	Attempts []Attempt
}

// Check refuses what no model could embed, as INVALID_ARGUMENT.
func (r *EmbeddingRequest) Check() error {
	if err := r.Options.checkNoChat("embeddings"); err != nil {
		return err
	}
	if err := checkTexts("input", r.Input); err != nil {
		return err
	}
	if r.Dimensions < 0 {
		return Errorf(InvalidArgument, "dimensions is %d; expected 1 or more", r.Dimensions)
	}
	if err := checkWord("input_type", r.InputType, InputTypes); err != nil {
		return err
	}
	return r.Options.Check()
}

// embeddingFields are the names of a request's fields as JSON, but for "model".
var embeddingFields = []string{"input", "dimensions", "input_type", "encoding_format"}

// ParseEmbedding reads a request from JSON text, which is the request's from
// now on: "input" (a text or a list of them), "model", "dimensions",
// "input_type", and fields for the server, also those of the options'
// ExtraBody. "encoding_format" is passed over: vectors are always numbers.
// Errors are INVALID_ARGUMENT.
func ParseEmbedding(data []byte, o CallOptions) (r *EmbeddingRequest, err error) {
	r = &EmbeddingRequest{Options: o}
	r.Extra, err = parseOther(data, o.ExtraBody, &r.Model, embeddingFields, func(name string, v []byte) (err error) {
		switch name {
		case "input":
			r.Input, err = readTexts(name, v)
		case "dimensions":
			r.Dimensions, err = readInteger(name, v, 1)
		case "input_type":
			r.InputType, err = readText(name, v)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return r, r.Check()
}

// AppendJSON appends all of a response but its vectors: {"model", "usage",
// "cost", "attempts"}.
func (r *EmbeddingResponse) AppendJSON(dst []byte) ([]byte, error) {
	return jsontext.Encode(dst, func(w *jsontext.Writer) {
		o := w.Object()
		writeOther(&o, r.Model, r.Usage, r.Cost, r.CallID, r.Attempts)
		o.End()
	})
}
