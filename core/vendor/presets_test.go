package vendor

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/stretchr/testify/require"
)

// Each row can be used as it stands: a name nobody else has, an address that
// its base URL's checks take, hosts of its own, variables that can be set.
func TestRows(t *testing.T) {
	names, hosts, variable := map[string]string{}, map[string]string{}, regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
	for v := range all() {
		require.Regexp(t, `^[a-z][a-z0-9]*(-openai|-anthropic)?$`, v.name)
		for _, name := range append([]string{v.name}, v.aliases.Words()...) {
			require.Empty(t, names[name], "two rows are named %q", name)
			names[name] = v.name
			found, known := find(strings.ToUpper(name))
			require.True(t, known)
			require.Equal(t, v.name, found.name)
		}
		require.Equal(t, v.site == "", v.sites == nil, v.name)
		for _, key := range strings.Fields(v.keys) {
			require.Regexp(t, variable, key)
		}
		if v.local || withoutRegion(v.baseURL) == "" {
			continue
		}
		require.NotEmpty(t, v.keys, v.name)
		if !slices.Contains([]string{"zhipu", "zai"}, v.name) { // two names of one vendor
			for _, host := range v.ownHosts() {
				require.Empty(t, hosts[host], "two rows own %q", host)
				hosts[host] = v.name
			}
		}
		for _, s := range append(v.places(), Site{BaseURL: v.baseURL, Messages: v.messages}) {
			_, base, err := Resolve(Model{Provider: v.name, Name: "m", BaseURL: s.BaseURL, APIKey: "k"}, nil)
			require.NoError(t, err)
			require.Equal(t, s.BaseURL, base)
			u, err := url.Parse(base)
			require.NoError(t, err)
			require.Equal(t, "https", u.Scheme)
			if s.Messages != "" {
				a, _, err := Resolve(Model{Provider: v.name, Name: "m", Type: "anthropic", BaseURL: s.Messages, APIKey: "k"}, nil)
				require.NoError(t, err)
				require.True(t, strings.HasSuffix(a.Format(s.Messages, "k").URL("m", false), "/v1/messages"))
			}
		}
	}
	require.GreaterOrEqual(t, len(names), 40)
}

// getenv reads an environment of a test's.
func getenv(set ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, s := range set {
			if n, value, _ := strings.Cut(s, "="); n == name {
				return value, true
			}
		}
		return "", false
	}
}

// A vendor's key comes from its variable where the configuration has none, and
// goes to the vendor's own servers only.
func TestKeyOfTheEnvironment(t *testing.T) {
	for what, c := range map[string]struct {
		m         Model
		env, base string
		key, says string
	}{
		"name alone":                 {Model{Provider: "groq"}, "GROQ_API_KEY=k1", "https://api.groq.com/openai/v1", "k1", ""},
		"alias":                      {Model{Provider: "kimi"}, "MOONSHOT_API_KEY=k1", "https://api.moonshot.cn/v1", "k1", ""},
		"name with a site":           {Model{Provider: "qwen-intl"}, "DASHSCOPE_API_KEY=k1", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1", "k1", ""},
		"second variable":            {Model{Provider: "zhipu"}, "ZHIPU_API_KEY=k1", "https://open.bigmodel.cn/api/paas/v4", "k1", ""},
		"site":                       {Model{Provider: "moonshot", Site: "intl"}, "MOONSHOT_API_KEY=k1", "https://api.moonshot.ai/v1", "k1", ""},
		"site's own variable":        {Model{Provider: "zhipu", Site: "intl"}, "ZAI_API_KEY=k1", "https://api.z.ai/api/paas/v4", "k1", ""},
		"configured key wins":        {Model{Provider: "groq", APIKey: "own"}, "GROQ_API_KEY=k1", "https://api.groq.com/openai/v1", "own", ""},
		"like":                       {Model{Provider: "fast", Like: "groq"}, "GROQ_API_KEY=k1", "https://api.groq.com/openai/v1", "k1", ""},
		"own host":                   {Model{Provider: "fast", BaseURL: "https://api.groq.com/openai/v1"}, "GROQ_API_KEY=k1", "https://api.groq.com/openai/v1", "k1", ""},
		"own host's root":            {Model{Provider: "groq", BaseURL: "https://api.groq.com"}, "GROQ_API_KEY=k1", "https://api.groq.com/openai/v1", "k1", ""},
		"somebody else's host":       {Model{Provider: "groq", BaseURL: "https://relay.test/v1"}, "GROQ_API_KEY=k1", "https://relay.test/v1", "", ""},
		"another vendor's":           {Model{Provider: "groq", BaseURL: "https://api.deepseek.com"}, "GROQ_API_KEY=k1", "", "", "DEEPSEEK_API_KEY"},
		"where the environment says": {Model{Provider: "groq"}, "GROQ_API_KEY=k1 GROQ_BASE_URL=http://127.0.0.1:9", "http://127.0.0.1:9/openai/v1", "k1", ""},
		"openai elsewhere":           {Model{Provider: "openai"}, "OPENAI_API_KEY=k1 OPENAI_BASE_URL=https://gate.test/openai/", "https://gate.test/openai", "k1", ""},
		"openai at a host alone":     {Model{Provider: "openai"}, "OPENAI_API_KEY=k1 OPENAI_BASE_URL=http://127.0.0.1:9", "http://127.0.0.1:9", "k1", ""},
		"openai at another vendor's": {Model{Provider: "openai"}, "OPENAI_API_KEY=k1 DEEPSEEK_API_KEY=k2 OPENAI_BASE_URL=https://api.deepseek.com/v1", "https://api.deepseek.com/v1", "k1", ""},
		"any vendor elsewhere":       {Model{Provider: "cohere"}, "COHERE_API_KEY=k1 COHERE_BASE_URL=http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1", "k1", ""},
		"a server of one's own":      {Model{Provider: "vllm"}, "VLLM_BASE_URL=http://gpu:8000/v1", "http://gpu:8000/v1", "", ""},
		"a site is configured":       {Model{Provider: "moonshot", Site: "intl"}, "MOONSHOT_API_KEY=k1 MOONSHOT_BASE_URL=http://127.0.0.1:9", "https://api.moonshot.ai/v1", "k1", ""},
		"another format elsewhere":   {Model{Provider: "moonshot", Type: "anthropic"}, "MOONSHOT_API_KEY=k1 MOONSHOT_BASE_URL=http://127.0.0.1:9", "https://api.moonshot.cn/anthropic", "k1", ""},
		"a name with other uses":     {Model{Provider: "github"}, "GITHUB_TOKEN=k1 GITHUB_BASE_URL=http://127.0.0.1:9", "https://models.github.ai/inference", "k1", ""},
		"base_url wins":              {Model{Provider: "openai", BaseURL: "https://api.openai.com/v1"}, "OPENAI_API_KEY=k1 OPENAI_BASE_URL=http://127.0.0.1:9", "https://api.openai.com/v1", "k1", ""},
		"local":                      {Model{Provider: "vllm"}, "", "http://localhost:8000/v1", "", ""},
		"openai":                     {Model{Provider: "openai"}, "OPENAI_API_KEY=k1", "https://api.openai.com/v1", "k1", ""},
		"azure":                      {Model{Provider: "azure"}, "AZURE_OPENAI_API_KEY=k1 AZURE_OPENAI_ENDPOINT=https://r.openai.azure.com", "https://r.openai.azure.com/openai/v1", "k1", ""},
		"Anthropic's format":         {Model{Provider: "moonshot", Type: "anthropic"}, "MOONSHOT_API_KEY=k1", "https://api.moonshot.cn/anthropic", "k1", ""},
		"and site":                   {Model{Provider: "minimax", Type: "anthropic", Site: "intl"}, "MINIMAX_API_KEY=k1", "https://api.minimax.io/anthropic", "k1", ""},

		"no key":                    {Model{Provider: "groq"}, "", "", "", "set api_key in the configuration, or the environment variable GROQ_API_KEY"},
		"no key, sites":             {Model{Provider: "qwen"}, "", "", "", `DASHSCOPE_API_KEY (for the site "cn"; sites: cn, intl, us)`},
		"address without a scheme":  {Model{Provider: "openai"}, "OPENAI_API_KEY=k1 OPENAI_BASE_URL=127.0.0.1:9", "", "", `openai/m: the environment variable OPENAI_BASE_URL begins neither with http:// nor with https://; write "http://127.0.0.1:9"`},
		"the same for responses":    {Model{Provider: "openai", Type: "responses"}, "OPENAI_API_KEY=k1 OPENAI_BASE_URL=gate.test/v1", "", "", `the environment variable OPENAI_BASE_URL begins neither with http:// nor with https://; write "https://gate.test/v1"`},
		"the same for Azure":        {Model{Provider: "azure"}, "AZURE_OPENAI_API_KEY=k1 AZURE_OPENAI_ENDPOINT=r.openai.azure.com", "", "", `the environment variable AZURE_OPENAI_ENDPOINT begins neither with http:// nor with https://; write "https://r.openai.azure.com"`},
		"the same for Vertex AI":    {Model{Provider: "vertex"}, "GOOGLE_VERTEX_BASE_URL=gate.test", "", "", `the environment variable GOOGLE_VERTEX_BASE_URL begins neither with http:// nor with https://; write "https://gate.test`},
		"an endpoint as address":    {Model{Provider: "cohere"}, "COHERE_API_KEY=k1 COHERE_BASE_URL=http://h/v1/chat/completions", "", "", "the environment variable COHERE_BASE_URL \"http://h/v1/chat/completions\" ends with an endpoint"},
		"misspelt site":             {Model{Provider: "qwen", Site: "itnl"}, "", "", "", `qwen has cn, intl, us; did you mean "intl"?`},
		"site where there is none":  {Model{Provider: "groq", Site: "cn"}, "", "", "", "one place only"},
		"site and another base_url": {Model{Provider: "qwen", Site: "cn", BaseURL: "https://h/v1"}, "", "", "", "leave one of them out"},
		"misspelt like":             {Model{Provider: "fast", Like: "gorq"}, "", "", "", `"like" is "gorq", which is no vendor's name; did you mean "groq"?`},
		"like and type":             {Model{Provider: "fast", Like: "groq", Type: "qwen"}, "", "", "", "write one of them"},
		"misspelt vendor":           {Model{Provider: "moonshoot"}, "", "", "", `did you mean "moonshot"?`},
		"no such endpoint":          {Model{Provider: "p", Like: "groq", Type: "anthropic"}, "", "", "", "no endpoint of Anthropic's format"},
		"no such endpoint there":    {Model{Provider: "qwen", Type: "anthropic", Site: "us"}, "", "", "", `at the site "us"`},
	} {
		c.m.Name = "m"
		v, base, err := Resolve(c.m, getenv(strings.Fields(c.env)...))
		if c.says != "" {
			require.ErrorContains(t, err, c.says, what)
			require.Equal(t, llm.InvalidArgument, llm.CodeOfError(err))
			continue
		}
		require.NoError(t, err, what)
		require.Equal(t, c.base, strings.TrimSuffix(base, "?"), what)
		require.Equal(t, c.key, v.Key(c.m.APIKey), what)
	}
}
