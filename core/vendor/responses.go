package vendor

import (
	"cmp"
	"net/url"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/wire/responses"
)

// The Responses API is no vendor, but a second format of OpenAI's and of many
// others, at the root of their first: a model asks for it by its type.

const responsesName = "responses"

// responsesRow is the row of any endpoint that speaks the Responses API (OpenAI
// API reference, "Responses"), responsesAzure that of Azure's (Azure OpenAI
// reference, "v1 API").
var (
	responsesRow   = Vendor{name: responsesName, format: responses.New}
	responsesAzure = Vendor{name: responsesName, format: responses.NewAzure}
)

// resolveResponses is [Resolve] for a model of that type: it is asked at the
// address of its vendor, where the configuration gives no other.
func resolveResponses(where string, m *Model, getenv func(string) (string, bool)) (v Vendor, baseURL string, err error) {
	row, known := find(cmp.Or(m.Like, m.Provider))
	if m.Like != "" && !known {
		return v, "", noSuchLike(where, m.Like)
	}
	if row.own != "" { // it has its own format at its address
		row = Vendor{}
	}
	if err = row.choose(where, m, getenv); err != nil {
		return v, "", err
	}
	if v, baseURL, err = responsesAt(where, m, &row, getenv); err != nil {
		return v, "", err
	}
	v.key = row.key
	return v, baseURL, needsKey(m, baseURL, getenv)
}

// responsesAt finds the endpoint at the base URL of m, whose vendor is row.
func responsesAt(where string, m *Model, row *Vendor, getenv func(string) (string, bool)) (v Vendor, baseURL string, err error) {
	v = responsesRow
	host, _ := At(m.BaseURL)
	switch {
	case row.name == azureName && (m.BaseURL == "" || host.name == azureName), host.name == azureName:
		v = responsesAzure
		if baseURL, err = azureURL(where, m, row.addressFrom, getenv); err != nil {
			return v, "", err
		}
		if u, e := url.Parse(baseURL); e == nil && strings.Contains(u.Path, azureClassic) {
			return v, "", llm.Errorf(llm.InvalidArgument, "%s: Azure has the Responses API at %s only; write the base_url %q without an api_version", where, azureV1, azureResource+azureV1)
		}
		return v, baseURL, nil
	case m.BaseURL == "":
		return v, "", llm.Errorf(llm.InvalidArgument, "%s: the type %q needs a base_url here; write the root of an API that has the endpoint /responses, such as https://api.openai.com/v1", where, responsesName)
	}
	if err := foreign(where, m, ""); err != nil {
		return v, "", err
	}
	path, _, _ := strings.Cut(m.BaseURL, "?")
	if _, compatiblePath := host.cutOpenAI(strings.TrimRight(path, "/")); host.own != "" && !compatiblePath {
		return v, "", llm.Errorf(llm.InvalidArgument, "%s: base_url %s speaks %s's own format; write \"type\": %q", where, shownBase(m.BaseURL), host.own, host.name)
	}
	baseURL, v, err = readBaseURL(where, m.BaseURL, v, true)
	return v, baseURL, blameAddress(err, row.addressFrom)
}
