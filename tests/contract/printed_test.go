package contract

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/llmagg/llmagg/core/faultwall"
	"github.com/stretchr/testify/require"
)

// The secrets of a run: a key, the value of a header that carries one, the
// password of a proxy.
const (
	printedKey      = "sk-Printed/Secret+Zx81"
	printedHeader   = "tok-Printed-77aa21"
	printedPassword = "pw-Printed-90gh"
)

// printedSteps repeat the secrets in every place of an answer that is no
// answer.
func printedSteps() map[string]faultwall.Step {
	all := printedKey + " " + printedHeader
	proxy := all + " " + printedPassword + " " + base64.StdEncoding.EncodeToString([]byte("user:"+printedPassword))
	quoted, _ := json.Marshal(all)
	escaped := strings.NewReplacer("/", `\/`, "+", `\u002B`).Replace(string(quoted))
	unasked := `{"choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}]}`
	return map[string]faultwall.Step{
		"m-json":    {Status: 401, Body: `{"error":{"message":` + string(quoted) + `,"type":` + string(quoted) + `,"code":` + string(quoted) + `}}`, Headers: faultwall.Headers{"X-Request-Id": {printedKey}, "Retry-After": {printedKey}}},
		"m-escaped": {Status: 500, Body: `{"error":{"message":` + escaped + `}}`},
		"m-page":    {Status: 502, Body: "<html><title>" + all + "</title><p>" + all + "</html>"},
		"m-long":    {Status: 400, Body: strings.Repeat("x", 1<<10-7) + printedKey},
		"m-200":     {Body: `{"error":` + string(quoted) + `}`},
		"m-garbage": {Body: all},
		"m-moved":   {Redirect: "http://user:" + printedPassword + "@127.0.0.1:9/" + printedKey + "?key=" + printedKey},
		"m-http":    {Raw: "HTTP/1.1 " + all + "\r\n\r\n"},
		"m-header":  {Raw: "HTTP/1.1 200 OK\r\n" + all + "\r\n\r\n"},
		"m-length":  {Raw: "HTTP/1.1 200 OK\r\nContent-Length: " + all + "\r\n\r\n"},
		"m-coding":  {Raw: "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + all + "\r\n\r\n"},
		"m-unasked": {Raw: "HTTP/1.1 200 OK\r\nContent-Length: " + itoa(len(unasked)) + "\r\n\r\n" + unasked + "HTTP/1.1 200 OK\r\nX-Key: " + all, KeepAlive: faultwall.Set(true)},
		"m-stream":  {Events: []faultwall.Event{{Text: faultwall.Set("some")}, {Data: `{"error":{"message":` + string(quoted) + `}}`}}},
		"m-event":   {Events: []faultwall.Event{{Data: `{"` + printedKey + `":`, Times: 10}}},
		"m-proxy":   {Status: 407, Body: proxy, Headers: faultwall.Headers{"Proxy-Authenticate": {proxy}, "X-Request-Id": {proxy}}},
	}
}

// Nothing that a program can print of the library holds a secret, in no door:
// logs of the lowest level, events, errors with their causes and tracebacks,
// responses, reports, the state of every object. The server repeats all
// secrets wherever it can.
func TestNoSecretIsInAnythingThatARunPrints(t *testing.T) {
	wall, err := faultwall.Start(faultwall.Script{}, faultwall.Options{})
	require.NoError(t, err)
	t.Cleanup(wall.Close)
	models := map[string]any{}
	var routes []string
	for name, step := range printedSteps() {
		wall.Script(name, step)
		model := map[string]any{"api_key": printedKey, "base_url": wall.BaseURL(), "max_retries": 1, "timeout": 3,
			"headers": map[string]string{"X-Auth-Token": "Bearer " + printedHeader}, "retry": map[string]any{"backoff_s": 0.01}}
		if name == "m-proxy" {
			model["proxy"] = "http://user:" + printedPassword + "@" + wall.Addr()
		}
		models[name] = model
		routes = append(routes, "openai/"+name)
	}
	models["m-nobody"] = map[string]any{"api_key": printedKey, "base_url": wall.BaseURL(), "max_retries": 1, "proxy": "http://user:" + printedPassword + "@127.0.0.1:9"}
	models["m-unresolved"] = map[string]any{"api_key": printedKey, "base_url": "http://nowhere.invalid/" + "v1", "max_retries": 1}
	routes = append(routes, "openai/m-nobody", "openai/m-unresolved")
	slices.Sort(routes)
	for name, program := range printers(t) {
		t.Run(name, func(t *testing.T) {
			if program == nil {
				t.Skip("not built")
			}
			mine := models
			if name == "c" { // reads strictly
				mine = map[string]any{}
				for key, value := range models {
					if key != "m-unresolved" {
						mine[key] = value
					}
				}
			}
			config, err := json.Marshal(map[string]any{"openai": map[string]any{"models": mine}})
			require.NoError(t, err)
			var printed bytes.Buffer
			command := exec.CommandContext(t.Context(), program[0], append(program[1:], routes...)...)
			command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(config), &printed, &printed
			command.WaitDelay = 20 * time.Second
			require.NoError(t, command.Run(), "%s", printed.String())
			text := printed.String()
			require.Contains(t, text, "done\n", "the program went to its end")
			require.Contains(t, text, "***", "something was masked")
			require.Greater(t, len(text), 20_000, "it printed what there is")
			for _, secret := range []string{printedKey, printedHeader, printedPassword} {
				for how, form := range spellingsOf(secret) {
					if i := strings.Index(text, form); i >= 0 {
						t.Errorf("%s of %q is printed: …%q…", how, secret, text[max(i-300, 0):min(i+100, len(text))])
						break
					}
				}
			}
		})
	}
}

// spellingsOf are the forms in which a secret may be printed.
func spellingsOf(secret string) map[string]string {
	return map[string]string{
		"the text": secret, "its beginning": secret[:10], "its end": secret[len(secret)-8:], "a query's form": url.QueryEscape(secret),
		"a path's form": url.PathEscape(secret), "JSON's form": strings.NewReplacer("/", `\/`, "+", `\u002B`).Replace(secret),
		"JSON's other form": strings.ReplaceAll(secret, "+", `\u002b`), "base64": base64.StdEncoding.EncodeToString([]byte(secret)),
		"basic authentication": base64.StdEncoding.EncodeToString([]byte("user:" + secret)),
	}
}

// printers are the programs of the doors; nil for one that is not built, as in
// TestContract.
func printers(t *testing.T) map[string][]string {
	t.Helper()
	required := os.Getenv("LLMAGG_CONTRACT_DOORS")
	folder := t.TempDir()
	built := func(name string, command *exec.Cmd, program ...string) []string {
		if output, err := command.CombinedOutput(); err != nil {
			require.NotContains(t, strings.Split(required, ","), name, "%v: %s", err, output)
			return nil
		}
		return program
	}
	build, err := filepath.Abs(orElse(os.Getenv("LLMAGG_CONTRACT_BUILD"), filepath.Join(root, "build")))
	require.NoError(t, err)
	python, err := filepath.Abs(orElse(os.Getenv("LLMAGG_CONTRACT_PYTHON"), filepath.Join(root, ".venv/bin/python")))
	require.NoError(t, err)
	inGo, inC := filepath.Join(folder, "go"), filepath.Join(folder, "c")
	all := map[string][]string{
		"go": built("go", exec.Command("go", "build", "-o", inGo, "./printed/go"), inGo),
		"c": built("c", exec.Command(orElse(os.Getenv("CC"), "cc"), "-std=c11", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I"+filepath.Join(root, "include"),
			"printed/print.c", "-o", inC, "-L"+build, "-lllmagg", "-Wl,-rpath,"+build), inC),
		"python": built("python", exec.Command(python, "-c", "import llmagg"), python, "-X", "dev", "printed/print.py"),
	}
	for name := range all {
		if required != "" && !slices.Contains(strings.Split(required, ","), name) {
			delete(all, name)
		}
	}
	return all
}
