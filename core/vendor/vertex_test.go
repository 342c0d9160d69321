package vendor

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
)

func getter(environment map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := environment[name]; return v, ok }
}

func TestVertexAddresses(t *testing.T) {
	const place = "/v1/projects/p-1/locations/"
	file := filepath.Join(t.TempDir(), "account.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"type":"service_account","project_id":"of-the-file"}`), 0o600))
	for name, c := range map[string]struct {
		model       Model
		environment map[string]string
		row, url    string // of a plain call
	}{
		"regional": {Model{Provider: "vertex", Name: "gemini-2.5-pro", Project: "p-1", Location: "us-central1"}, nil, "vertex",
			"https://us-central1-aiplatform.googleapis.com" + place + "us-central1/publishers/google/models/gemini-2.5-pro:generateContent"},
		"global": {Model{Provider: "vertex_ai", Name: "gemini-2.5-pro", Project: "p-1", Location: "global"}, nil, "vertex",
			"https://aiplatform.googleapis.com" + place + "global/publishers/google/models/gemini-2.5-pro:generateContent"},
		"several regions": {Model{Provider: "vertex", Name: "m", Project: "p-1", Region: "eu"}, nil, "vertex",
			"https://aiplatform.eu.rep.googleapis.com" + place + "eu/publishers/google/models/m:generateContent"},
		"environment": {Model{Provider: "p", Like: "vertex", Name: "m"}, map[string]string{"GOOGLE_CLOUD_PROJECT": "p-1", "GOOGLE_CLOUD_LOCATION": "us-east5"}, "vertex",
			"https://us-east5-aiplatform.googleapis.com" + place + "us-east5/publishers/google/models/m:generateContent"},
		"Claude by its name": {Model{Provider: "vertex", Name: "claude-sonnet-4-5@20250929", Project: "p-1", Location: "global"}, nil, "vertex-anthropic",
			"https://aiplatform.googleapis.com" + place + "global/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict"},
		"Claude by its upstream name": {Model{Provider: "vertex", Name: "smart", Upstream: "claude-opus-4-1", Project: "p-1", Location: "global"}, nil, "vertex-anthropic",
			"https://aiplatform.googleapis.com" + place + "global/publishers/anthropic/models/claude-opus-4-1:rawPredict"},
		"Claude by the type": {Model{Provider: "vertex", Name: "m", Type: "anthropic", Project: "p-1", Location: "global"}, nil, "vertex-anthropic",
			"https://aiplatform.googleapis.com" + place + "global/publishers/anthropic/models/m:rawPredict"},
		"whole address": {Model{Provider: "p", Name: "m", BaseURL: "https://us-central1-aiplatform.googleapis.com" + place + "us-central1/"}, nil, "vertex",
			"https://us-central1-aiplatform.googleapis.com" + place + "us-central1/publishers/google/models/m:generateContent"},
		"gateway": {Model{Provider: "vertex", Name: "m", BaseURL: "http://localhost:1/google?tenant=a", Project: "p-1", Location: "l"}, nil, "vertex",
			"http://localhost:1/google" + place + "l/publishers/google/models/m:generateContent?tenant=a"},
		"SDK's variable": {Model{Provider: "vertex", Name: "m", Project: "p-1", Location: "l"}, map[string]string{"GOOGLE_VERTEX_BASE_URL": "http://localhost:1"}, "vertex",
			"http://localhost:1" + place + "l/publishers/google/models/m:generateContent"},
		"project of the credentials": {Model{Provider: "vertex", Name: "m", Location: "global"}, map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": file}, "vertex",
			"https://aiplatform.googleapis.com/v1/projects/of-the-file/locations/global/publishers/google/models/m:generateContent"},
		"API key": {Model{Provider: "vertex", Name: "m", APIKey: "AQ.key"}, nil, "vertex",
			"https://aiplatform.googleapis.com/v1/publishers/google/models/m:generateContent"},
	} {
		v, base, err := Resolve(c.model, getter(c.environment))
		require.NoError(t, err, name)
		require.Equal(t, c.row, v.name, name)
		require.Equal(t, "google", v.auth, name)
		model := c.model.Upstream
		if model == "" {
			model = c.model.Name
		}
		require.Equal(t, c.url, v.Format(base, "").URL(model, false), name)
	}
	v, base, err := Resolve(Model{Provider: "llama", Name: "m", BaseURL: "https://aiplatform.googleapis.com/v1beta1/projects/p/locations/global/endpoints/openapi"}, nil)
	require.NoError(t, err)
	require.Equal(t, "google", v.auth)
	require.Equal(t, "https://aiplatform.googleapis.com/v1beta1/projects/p/locations/global/endpoints/openapi/chat/completions", v.Format(base, "").URL("m", false))
}

func TestNamesOfModelsAtVertex(t *testing.T) {
	v, base, err := Resolve(Model{Provider: "vertex", Name: "m", Project: "p", Location: "global"}, nil)
	require.NoError(t, err)
	f := v.Format(base, "")
	for name, path := range map[string]string{
		"gemini-2.5-pro":                     "projects/p/locations/global/publishers/google/models/gemini-2.5-pro",
		"models/m":                           "projects/p/locations/global/publishers/google/models/m",
		"google/m":                           "projects/p/locations/global/publishers/google/models/m",
		"publishers/google/models/m":         "projects/p/locations/global/publishers/google/models/m",
		"endpoints/123":                      "projects/p/locations/global/endpoints/123",
		"projects/q/locations/l/endpoints/1": "projects/q/locations/l/endpoints/1",
		"a b?c":                              "projects/p/locations/global/publishers/google/models/a%20b%3Fc",
	} {
		require.Equal(t, "https://aiplatform.googleapis.com/v1/"+path+":streamGenerateContent?alt=sse", f.URL(name, true), name)
	}
	require.Equal(t, "https://aiplatform.googleapis.com/v1beta1/publishers/google/models", f.Models())
}

func TestVertexSaysWhatToSet(t *testing.T) {
	for name, c := range map[string]struct {
		model   Model
		message string
	}{
		"no project":     {Model{Provider: "vertex", Name: "m", Location: "global"}, `vertex/m has no project; set "project" (such as "my-project-123") in the configuration, or the variable GOOGLE_CLOUD_PROJECT`},
		"no location":    {Model{Provider: "vertex", Name: "m", Project: "p"}, `vertex/m has no location; set "location" (such as "us-central1") in the configuration, or the variable GOOGLE_CLOUD_LOCATION`},
		"odd project":    {Model{Provider: "vertex", Name: "m", Project: "my/project", Location: "l"}, "the project \"my/project\" is not valid"},
		"odd location":   {Model{Provider: "vertex", Name: "m", Project: "p", Location: "Iowa, US"}, "the location \"iowa, us\" is not valid"},
		"an endpoint":    {Model{Provider: "vertex", Name: "m", BaseURL: "https://aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/google/models/m:generateContent"}, `write the address before "/publishers/"`},
		"key in it":      {Model{Provider: "vertex", Name: "m", BaseURL: "https://aiplatform.googleapis.com/v1?key=s3cret", Project: "p", Location: "l"}, "put the key into api_key"},
		"Azure's":        {Model{Provider: "vertex", Name: "m", Project: "p", Location: "l", Deployment: "d"}, `"deployment" is a setting of Azure's`},
		"at OpenAI":      {Model{Provider: "openai", Name: "m", APIKey: "k", Project: "p"}, `"project" is a setting of Vertex AI's; leave it out, or write "type": "vertex"`},
		"at Azure":       {Model{Provider: "azure", Name: "m", APIKey: "k", BaseURL: "https://r.openai.azure.com", Location: "l"}, `"location" is a setting of Vertex AI's`},
		"at an endpoint": {Model{Provider: "p", Name: "m", Type: "responses", BaseURL: "http://localhost/v1", Location: "l"}, `"location" is a setting of Vertex AI's`},
	} {
		_, _, err := Resolve(c.model, getter(map[string]string{"HOME": t.TempDir()}))
		require.Equal(t, llm.InvalidArgument, llm.CodeOfError(err), name)
		require.ErrorContains(t, err, c.message, name)
		require.NotContains(t, err.Error(), "s3cret", name)
	}
}
