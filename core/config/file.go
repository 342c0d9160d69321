package config

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
)

// Load reads a configuration from a JSON file, which has a provider at least;
// errors name the file. It warns, through o.Warn,
// about a file that holds keys and that other users may read or write: who can
// read it has the keys, who can write it can send them elsewhere. A reference
// ${NAME} is not a key.
func Load(path string, o Options) ([]Provider, error) {
	if path == "" {
		return nil, llm.Errorf(llm.InvalidArgument, "the path of the configuration file is empty; expected the path of a JSON file")
	}
	data, mode, err := readFile(path)
	if err != nil {
		return nil, llm.Errorf(llm.InvalidArgument, "the configuration file cannot be read: %s", shown.File(err))
	}
	configs, err := Parse(data, o)
	if err == nil && len(configs) == 0 {
		err = llm.Errorf(llm.InvalidArgument, "the configuration has no providers; %s", expected)
	}
	err = InFile(path, err)
	if err == nil && mode.Perm()&0o066 != 0 && runtime.GOOS != "windows" && HoldsSecret(data) {
		o.warn(fmt.Sprintf("the configuration file %s holds keys, and other users may read or write it (mode %04o); "+
			"restrict it to its owner (chmod 600), or refer to environment variables in it as ${NAME}", shown.Path(path), mode.Perm()))
	}
	return configs, err
}

// InFile is an error of a configuration with the name of its file; nil for nil.
func InFile(path string, err error) error {
	if err == nil {
		return nil
	}
	e := *llm.AsError(err)
	e.Message = "the configuration file " + shown.Path(path) + strings.TrimPrefix(": "+e.Message, ": the configuration")
	return &e
}

func readFile(path string) ([]byte, fs.FileMode, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	data, err := io.ReadAll(f)
	return data, info.Mode(), err
}

// withoutMark is a text without the byte order mark that some editors write
// before it.
func withoutMark(data []byte) []byte { return bytes.TrimPrefix(data, []byte("\ufeff")) }

// HoldsSecret reports whether a configuration's text contains a key or another
// secret: a header with the name of a credential, a URL with a password or a
// key. What a variable holds is not in it; a default behind one is.
func HoldsSecret(data []byte) bool {
	var document any
	return llm.JSON.Unmarshal(withoutMark(data), &document) == nil && hasSecret(document)
}

func hasSecret(v any) bool {
	object, _ := v.(map[string]any)
	for name, value := range object {
		if hasSecret(value) {
			return true
		}
		texts, _ := value.([]any)
		if name == "api_keys" && slices.ContainsFunc(texts, func(v any) bool { return hasSecret(map[string]any{"api_key": v}) }) {
			return true
		}
		text, _ := value.(string)
		if text == "" || strings.Contains(text, "${") && !strings.Contains(strings.ReplaceAll(text, ":-}", "}"), ":-") {
			continue
		}
		switch name = strings.ToLower(name); name {
		case "proxy", "url", "base_url":
			if strings.Contains(text, "@") || name == "base_url" && len(shown.QuerySecrets(text)) > 0 {
				return true
			}
		default:
			if shown.NamesSecret(name) {
				return true
			}
		}
	}
	return false
}
