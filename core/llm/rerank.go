package llm

import (
	"encoding/json"
	"math"

	"github.com/llmagg/llmagg/core/internal/jsontext"
)

// RerankRequest asks how well documents fit a query.
type RerankRequest struct {
	// Model names the model as in a chat; "" for the aggregator's own.
	Model     string
	Query     string
	Documents []string
	// TopN is how many results are wanted, the best ones; 0 means all.
	TopN int
	// Extra is sent to the server as it is.
	Extra Extra
	// Options are those of a call.
	Options CallOptions
}

// Ranked is one document's fit.
type Ranked struct {
	Index int     // of the document in the request
	Score float64 // higher fits better; the scores of two models do not compare
}

// RerankResponse has the results, the best first.
type RerankResponse struct {
	Model   string // the upstream's name of the model that answered
	Results []Ranked
	Usage   *Usage          // nil where the vendor told none
	Cost    *Cost           // nil if it is not known
	Meta    json.RawMessage // what Cohere and others tell beside, such as billed units; nil for nothing
	// CallID is the number of the call, as in observations.
	CallID uint64
	// Attempts lists the attempts of the call.
	Attempts []Attempt
}

// Wanted is how many results the request asks for.
func (r *RerankRequest) Wanted() int {
	if r.TopN == 0 {
		return len(r.Documents)
	}
	return min(r.TopN, len(r.Documents))
}

// Check refuses what no model could rank, as INVALID_ARGUMENT.
func (r *RerankRequest) Check() error {
	if err := r.Options.checkNoChat("a ranking"); err != nil {
		return err
	}
	if r.Query == "" {
		return Errorf(InvalidArgument, "\"query\" is missing or empty; expected a text")
	}
	if err := checkTexts("query", []string{r.Query}); err != nil {
		return err
	}
	if err := checkTexts("documents", r.Documents); err != nil {
		return err
	}
	if r.TopN < 0 {
		return Errorf(InvalidArgument, "top_n is %d; expected 1 or more", r.TopN)
	}
	return r.Options.Check()
}

// ParseRerank reads a request from JSON text, which is the request's from now
// on: "query", "documents", "model", "top_n", and fields for the server, also
// those of the options' ExtraBody. Errors are INVALID_ARGUMENT.
func ParseRerank(data []byte, o CallOptions) (r *RerankRequest, err error) {
	r = &RerankRequest{Options: o}
	r.Extra, err = parseOther(data, o.ExtraBody, &r.Model, []string{"query", "documents", "top_n"}, func(name string, v []byte) (err error) {
		switch name {
		case "query":
			r.Query, err = readText(name, v)
		case "documents":
			r.Documents, err = readTexts(name, v)
		case "top_n":
			r.TopN, err = readInteger(name, v, 1)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return r, r.Check()
}

// AppendJSON appends the response in Cohere's shape, with "model", "usage",
// "cost" and "attempts" added.
func (r *RerankResponse) AppendJSON(dst []byte) ([]byte, error) {
	return jsontext.Encode(dst, func(w *jsontext.Writer) {
		o := w.Object()
		jsontext.WriteList(o.Field("results"), r.Results, func(ranked *Ranked, w *jsontext.Writer) {
			one := w.Object()
			one.Field("index").Int(ranked.Index)
			one.Field("relevance_score").Float(ranked.Score)
			one.End()
		})
		o.Raw("meta", r.Meta)
		writeOther(&o, r.Model, r.Usage, r.Cost, r.CallID, r.Attempts)
		o.End()
	})
}

// Rank notes a result; false where there is no such document, where it has a
// result already, or where the score is no finite number.
func (r *RerankResponse) Rank(documents, index int, score float64) bool {
	if index < 0 || index >= documents || math.IsNaN(score) || math.IsInf(score, 0) {
		return false
	}
	for i := range r.Results {
		if r.Results[i].Index == index {
			return false
		}
	}
	r.Results = append(r.Results, Ranked{index, score})
	return true
}
