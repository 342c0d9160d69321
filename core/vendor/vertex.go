package vendor

import (
	"cmp"
	"strings"

	"github.com/llmagg/llmagg/core/credential"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
)

// This file finds the models at Vertex AI and completes their addresses: each
// location has a host, and the path names the project. Gemini and Claude are
// asked there in formats of their own.

const (
	vertexName      = "vertex"
	vertexAnthropic = "vertex-anthropic"
	vertexBase      = "https://{host}/v1/projects/{project}/locations/{location}"
	vertexExpress   = "https://aiplatform.googleapis.com/v1" // for API keys without a project
	vertexProjects  = "/projects/"
	vertexOpenAI    = "/endpoints/openapi" // where it speaks OpenAI's format
)

var vertexHosts = []string{"aiplatform.googleapis.com", "*-aiplatform.googleapis.com", "aiplatform.*.rep.googleapis.com"}

// Variables of Google's SDKs, then of Anthropic's and of others.
var (
	vertexProject  = []string{"GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "ANTHROPIC_VERTEX_PROJECT_ID", "VERTEXAI_PROJECT"}
	vertexLocation = []string{"GOOGLE_CLOUD_LOCATION", "GOOGLE_CLOUD_REGION", "CLOUD_ML_REGION", "VERTEXAI_LOCATION"}
)

func isVertex(row string) bool { return row == vertexName || row == vertexAnthropic }

// rowName is the name of the row that find gives.
func rowName(name string) string {
	v, _ := find(name)
	return v.name
}

// vertexRow is the row of a model at Vertex AI, false for any other: by its
// type, by its vendor, or by its address.
func vertexRow(m *Model) (row string, is bool) {
	if strings.Contains(m.BaseURL, vertexOpenAI) {
		return "", false
	}
	typed, named := rowName(m.Type), rowName(cmp.Or(m.Like, m.Provider))
	host, _ := At(m.BaseURL)
	there := isVertex(named) || isVertex(host.name)
	switch {
	case isVertex(typed):
		row = typed
	case m.Type == "" && isVertex(named):
		row = named
	case there && (m.Type == "" || typed == "gemini"):
		row = vertexName
	case there && typed == "anthropic":
		row = vertexAnthropic
	}
	if model := strings.TrimPrefix(cmp.Or(m.Upstream, m.Name), "anthropic/"); row == vertexName && m.Type == "" && strings.HasPrefix(model, "claude") {
		row = vertexAnthropic
	}
	return row, row != ""
}

// firstOf is the first variable that is set.
func firstOf(names []string, getenv func(string) (string, bool)) string {
	for _, name := range names {
		if getenv == nil {
			break
		}
		if value, _ := getenv(name); value != "" {
			return value
		}
	}
	return ""
}

// resolveVertex is [Resolve] for a model at Vertex AI, by the row of a name.
func resolveVertex(where string, m *Model, row string, getenv func(string) (string, bool)) (Vendor, string, error) {
	v, _ := find(row)
	if err := v.choose(where, m, getenv); err != nil {
		return v, "", err
	}
	if err := foreign(where, m, vertexName); err != nil {
		return v, "", err
	}
	base := m.BaseURL
	u, err := parseBaseURL(where, strings.ReplaceAll(base, "{host}", "host"), vertexExpress)
	if err != nil {
		return v, "", blameAddress(err, v.addressFrom)
	}
	if at := strings.Index(u.Path, "/publishers/"); at >= 0 {
		return v, "", llm.Errorf(llm.InvalidArgument, "%s: base_url %s is the endpoint of a model; write the address before %q", where, shownBase(base), "/publishers/")
	}
	if path := strings.TrimRight(u.Path, "/"); base != v.baseURL && strings.Contains(path, vertexProjects) {
		u.Path = path
		return v, u.String(), nil
	}
	project, location, err := vertexPlace(where, m, row, getenv)
	if err != nil {
		return v, "", err
	}
	if base == v.baseURL {
		base = strings.NewReplacer("{host}", vertexHost(location), "{project}", project, "{location}", location).Replace(base)
		if project == "" {
			base = vertexExpress
		}
		return v, base, nil
	}
	u.Path = strings.TrimRight(u.Path, "/")
	if !strings.HasSuffix(u.Path, "/v1") && !strings.HasSuffix(u.Path, "/v1beta1") {
		u.Path += "/v1"
	}
	if project != "" {
		u.Path += vertexProjects + project + "/locations/" + location
	}
	return v, u.String(), nil
}

// vertexPlace is the project and the location of a model; none for an API key
// without a project.
func vertexPlace(where string, m *Model, row string, getenv func(string) (string, bool)) (project, location string, err error) {
	project = cmp.Or(m.Project, firstOf(vertexProject, getenv))
	location = strings.ToLower(cmp.Or(m.Location, m.Region, firstOf(vertexLocation, getenv)))
	if m.APIKey != "" && m.Project == "" && m.Location == "" && row == vertexName {
		return "", "", nil
	}
	if project == "" {
		project = credential.GoogleProject(m.Credentials, getenv)
	}
	for _, part := range []struct{ name, value, variable, example, signs string }{
		{"project", project, vertexProject[0], "my-project-123", "-.:"}, {"location", location, vertexLocation[0], "us-central1", "-"}} {
		if part.value == "" {
			return "", "", llm.Errorf(llm.InvalidArgument, "%s has no %s; set %q (such as %q) in the configuration, or the variable %s", where, part.name, part.name, part.example, part.variable)
		}
		if strings.ContainsFunc(part.value, func(c rune) bool {
			return (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune(part.signs, c)
		}) {
			return "", "", llm.Errorf(llm.InvalidArgument, "%s: the %s %s is not valid; expected something like %s", where, part.name, shown.Name(part.value), part.example)
		}
	}
	return project, location, nil
}

// vertexHost is the host of a location.
func vertexHost(location string) string {
	switch location {
	case "global":
		return "aiplatform.googleapis.com"
	case "us", "eu":
		return "aiplatform." + location + ".rep.googleapis.com"
	}
	return location + "-aiplatform.googleapis.com"
}
