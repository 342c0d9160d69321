package otelllm

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Go's table of names is Python's, which a test compares with the conventions'
// own registry.
func TestTheNamesAreThoseOfPython(t *testing.T) {
	data, err := os.ReadFile("../bindings/python/src/llmagg/otel/names.py")
	require.NoError(t, err)
	table, others, found := strings.Cut(string(data), "PROVIDERS = {")
	require.True(t, found)
	theirs := map[string][2]string{}
	for _, row := range regexp.MustCompile(`(?m)^    "(\w+)": \((None|"[\w.]+"), "([\w.]+)"\),$`).FindAllStringSubmatch(table, -1) {
		theirs[row[1]] = [2]string{strings.Trim(strings.TrimPrefix(row[2], "None"), `"`), row[3]}
	}
	delete(theirs, "input_messages") // spans of Go have no content
	delete(theirs, "output_messages")
	require.Equal(t, theirs, names)
	vendors := map[string]string{}
	for _, row := range regexp.MustCompile(`"(\w+)": "([\w.]+)"`).FindAllStringSubmatch(others, -1) {
		vendors[row[1]] = row[2]
	}
	require.Equal(t, vendors, providers)
}
