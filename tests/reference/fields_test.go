package reference_test

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/llmagg/llmagg/core/llm"
	"github.com/llmagg/llmagg/core/observe"
)

// The header lists every field of what the library writes as JSON: a field that
// is written and not listed there is one that users of C cannot know.
func TestTheHeaderListsEveryField(t *testing.T) {
	data, err := os.ReadFile("../../include/llmagg.h")
	require.NoError(t, err)
	header := string(data)
	for _, c := range []struct {
		what     string
		value    any
		from, to string // the part of the header that lists its fields
	}{
		{"an attempt", &llm.Attempt{}, "A response has \"attempts\"", "A usage has"},
		{"a usage", &llm.Usage{}, "A usage has", "An answer's message has"},
		{"a cost", &llm.Cost{}, "An answer and an attempt have a \"cost\"", "A usage has"},
		{"a restart", &llm.Restart{}, "LLMAGG_EVENT_RESTART", "LLMAGG_EVENT_DONE"},
		{"an error", &llm.Error{}, "The whole error as JSON", "llmagg_error_json("},
		{"an observation", &observe.Observation{}, "The same for OBSERVE events", "llmagg_observe_to_queue("},
		{"a report", &llm.RouteReport{}, "The state of every route", "llmagg_manager_report("},
	} {
		t.Run(c.what, func(t *testing.T) {
			begin := strings.Index(header, c.from)
			require.GreaterOrEqual(t, begin, 0, c.from)
			length := strings.Index(header[begin:], c.to)
			require.Positive(t, length, c.to)
			part := header[begin : begin+length]
			fill(reflect.ValueOf(c.value).Elem(), 0)
			text, err := json.Marshal(c.value)
			require.NoError(t, err)
			require.NotEmpty(t, keys(t, text))
			for _, name := range keys(t, text) {
				require.Contains(t, part, `"`+name+`"`, "%s has the field %q: %s", c.what, name, text)
			}
		})
	}
}

// fill gives every exported field a value that is written.
func fill(v reflect.Value, depth int) {
	switch {
	case !v.CanSet() || depth > 3:
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(1700000000, 0)))
	case v.Type() == reflect.TypeFor[llm.Code]():
		v.Set(reflect.ValueOf(llm.RateLimit))
	case v.Type() == reflect.TypeFor[json.RawMessage]():
		v.SetBytes([]byte("1"))
	case v.Type() == reflect.TypeFor[llm.Extra]():
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth+1)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), depth)
		}
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), depth+1)
	case v.Kind() == reflect.String:
		v.SetString("x")
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(int64(time.Second))
	case v.CanUint():
		v.SetUint(7)
	case v.CanFloat():
		v.SetFloat(0.5)
	}
}

var described = regexp.MustCompile(`^(usage|cost|attempt|attempts|last_error|reason|cause|totals)$`)

// keys are the names in a JSON object and in what it holds that is not
// described elsewhere.
func keys(t *testing.T, text []byte) (names []string) {
	var object map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(text, &object))
	for name, value := range object {
		names = append(names, name)
		if len(value) > 0 && value[0] == '{' && !described.MatchString(name) {
			names = append(names, keys(t, value)...)
		}
	}
	return names
}
