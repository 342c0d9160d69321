package llm

import (
	"slices"
	"unicode/utf8"
)

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
}

// InputTypes are the values of [EmbeddingRequest.InputType].
var InputTypes = []string{"query", "document", "similarity", "classification", "clustering"}

// EmbeddingResponse has one vector for each text, in the order of the texts.
type EmbeddingResponse struct {
	Model   string // the upstream's name of the model that answered
	Vectors [][]float32
	Usage   *Usage // of all requests that were made; nil where one told none
	// Attempts lists the attempts of all requests that were made, request by
	// request.
	Attempts []Attempt
}

// Check refuses what no model could embed, as INVALID_ARGUMENT.
func (r *EmbeddingRequest) Check() error {
	if len(r.Input) == 0 {
		return Errorf(InvalidArgument, "the input has no text; expected one or more")
	}
	for i, text := range r.Input {
		if !utf8.ValidString(text) {
			return Errorf(InvalidArgument, "input[%d] is not valid UTF-8", i)
		}
	}
	if r.Dimensions < 0 {
		return Errorf(InvalidArgument, "dimensions is %d; expected 1 or more", r.Dimensions)
	}
	if r.InputType != "" && !slices.Contains(InputTypes, r.InputType) {
		return Errorf(InvalidArgument, "input_type is not one of query, document, similarity, classification and clustering")
	}
	return r.Options.check()
}
