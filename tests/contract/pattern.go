package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Pattern is a JSON document that another one may match. Objects match objects
// that have at least their keys, lists match lists of the same length, anything
// else matches what is equal to it. An object whose keys begin with $ is a
// condition; all of its keys must hold:
//
//	{"$min": n, "$max": n}   a number within these bounds
//	{"$s": [min, max]}       seconds; the upper bound is granted the slack of a loaded machine
//	{"$has": "text"}         a text that contains this, or each of a list; a list that contains this item
//	{"$lacks": "text"}       a text or document that contains none of these
//	{"$len": pattern}        the length of a text in bytes, of a list, or of an object
//	{"$each": pattern}       every item of a list
//	{"$begins": [items]}     the first items of a list
//	{"$any": [patterns]}     at least one of them
//	{"$all": [patterns]}     each of them
//	{"$absent": true}        nothing, null, "", false, 0, an empty list or an empty object
//	{"$missing": true}       as the value of an object's key: the object has no such key, not even with null
//	{"$ascending": n}        a list of numbers, or of texts that are numbers, in order but for at most n, by which an
//	                         item may be less than one before it
type Pattern json.RawMessage

// UnmarshalJSON keeps the text and checks its conditions.
func (p *Pattern) UnmarshalJSON(raw []byte) error {
	*p = append(Pattern(nil), raw...)
	return checkConditions(decode(raw))
}

// MarshalJSON gives the text.
func (p Pattern) MarshalJSON() ([]byte, error) { return p, nil }

var conditions = map[string]func(path string, want, got any) []string{}

func init() { // initialized here since they call match, which looks into the table
	maps.Copy(conditions, map[string]func(path string, want, got any) []string{
		"$min": bound(func(want, got float64) bool { return got >= want }), "$max": bound(func(want, got float64) bool { return got <= want }),
		"$s": seconds, "$has": has, "$lacks": lacks, "$len": length, "$each": each, "$begins": begins, "$any": anyOf, "$all": allOf,
		"$absent": absent, "$missing": differ, "$ascending": ascending, // $missing: matchObject; nothing that is there is missing
	})
}

func checkConditions(v any) error {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			if strings.HasPrefix(key, "$") && conditions[key] == nil {
				return fmt.Errorf("unknown condition %q", key)
			}
			if err := checkConditions(inner); err != nil {
				return err
			}
		}
	case []any:
		for _, inner := range v {
			if err := checkConditions(inner); err != nil {
				return err
			}
		}
	}
	return nil
}

// decode reads JSON that is known to be JSON.
func decode(raw []byte) any {
	var v any
	if len(raw) == 0 {
		return nil
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return fmt.Sprintf("(no JSON: %v: %.200s)", err, raw)
	}
	return v
}

// matchAll compares each pattern that a struct of patterns holds with the part
// of the document that has the field's name.
func (p places) matchAll(path string, patterns any, got map[string]any) []string {
	var failures []string
	v := reflect.ValueOf(patterns).Elem()
	for i := range v.NumField() {
		pattern, _ := v.Field(i).Interface().(Pattern)
		if pattern == nil {
			continue
		}
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		failures = append(failures, match(path+name, decode(p.fill(pattern)), got[name])...)
	}
	return failures
}

// match says where got differs from want; nothing if it matches.
func match(path string, want, got any) []string {
	switch w := want.(type) {
	case map[string]any:
		return matchObject(path, w, got)
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return differ(path, want, got)
		}
		var failures []string
		for i := range w {
			failures = append(failures, match(path+"["+itoa(i)+"]", w[i], g[i])...)
		}
		return failures
	}
	if !reflect.DeepEqual(want, got) {
		return differ(path, want, got)
	}
	return nil
}

func matchObject(path string, want map[string]any, got any) []string {
	var failures []string
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if condition := conditions[key]; condition != nil {
			failures = append(failures, condition(path, want[key], got)...)
			continue
		}
		g, ok := got.(map[string]any)
		if !ok {
			return differ(path, want, got)
		}
		value, there := g[key]
		if condition, _ := want[key].(map[string]any); condition["$missing"] == true && !there {
			continue
		}
		failures = append(failures, match(path+"."+key, want[key], value)...)
	}
	return failures
}

func differ(path string, want, got any) []string {
	return []string{fmt.Sprintf("%s: expected %s, got %s", path, short(want), short(got))}
}

// short is v as JSON, cut for a message.
func short(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	if len(text) > 1000 {
		return fmt.Sprintf("%s… (%d bytes)", text[:1000], len(text))
	}
	return string(text)
}

func bound(holds func(want, got float64) bool) func(string, any, any) []string {
	return func(path string, want, got any) []string {
		w, _ := want.(float64)
		if g, ok := got.(float64); !ok || !holds(w, g) {
			return []string{fmt.Sprintf("%s: %s is out of bound %v", path, short(got), w)}
		}
		return nil
	}
}

// Slack is the factor that upper bounds of times are granted; SlackS is added.
var (
	Slack  = slackFromEnvironment()
	SlackS = 0.15
)

func slackFromEnvironment() float64 {
	if f, err := strconv.ParseFloat(os.Getenv("LLMAGG_CONTRACT_SLACK"), 64); err == nil && f >= 1 {
		return f
	}
	return 3
}

func seconds(path string, want, got any) []string {
	bounds, _ := want.([]any)
	g, ok := got.(float64)
	if len(bounds) != 2 || !ok {
		return differ(path, want, got)
	}
	least, _ := bounds[0].(float64)
	most, _ := bounds[1].(float64)
	if g < least || g > most*Slack+SlackS {
		return []string{fmt.Sprintf("%s: %.3f s is not within %v and %v s", path, g, least, most)}
	}
	return nil
}

func has(path string, want, got any) []string {
	if list, ok := got.([]any); ok {
		for _, item := range list {
			if match(path, want, item) == nil {
				return nil
			}
		}
		return []string{fmt.Sprintf("%s: %s has no item %s", path, short(got), short(want))}
	}
	text, ok := got.(string)
	for _, part := range listOf(want) {
		if s, _ := part.(string); !ok || !strings.Contains(text, s) {
			return []string{fmt.Sprintf("%s: %s does not contain %q", path, short(got), s)}
		}
	}
	return nil
}

func lacks(path string, want, got any) []string {
	text, ok := got.(string)
	if !ok {
		text = short(got)
	}
	for _, part := range listOf(want) {
		if s, _ := part.(string); strings.Contains(text, s) {
			return []string{fmt.Sprintf("%s: %s contains %q", path, short(got), s)}
		}
	}
	return nil
}

func listOf(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}

func length(path string, want, got any) []string {
	n := 0
	switch g := got.(type) {
	case string:
		n = len(g)
	case []any:
		n = len(g)
	case map[string]any:
		n = len(g)
	}
	return match("length of "+path, want, float64(n))
}

func each(path string, want, got any) []string {
	list, ok := got.([]any)
	if !ok {
		return differ(path, want, got)
	}
	var failures []string
	for i, item := range list {
		failures = append(failures, match(path+"["+itoa(i)+"]", want, item)...)
	}
	return failures
}

func begins(path string, want, got any) []string {
	w, _ := want.([]any)
	g, ok := got.([]any)
	if !ok || len(g) < len(w) {
		return differ(path, want, got)
	}
	return match(path, want, g[:len(w)])
}

func anyOf(path string, want, got any) []string {
	var failures []string
	for _, pattern := range listOf(want) {
		found := match(path, pattern, got)
		if found == nil {
			return nil
		}
		failures = append(failures, found...)
	}
	return []string{"none of: " + strings.Join(failures, " | ")}
}

func allOf(path string, want, got any) []string {
	var failures []string
	for _, pattern := range listOf(want) {
		failures = append(failures, match(path, pattern, got)...)
	}
	return failures
}

func absent(path string, want, got any) []string {
	empty := got == nil || got == "" || got == false || got == 0.0
	switch g := got.(type) {
	case []any:
		empty = len(g) == 0
	case map[string]any:
		empty = len(g) == 0
	}
	if empty != (want == true) {
		return []string{fmt.Sprintf("%s: absent should be %v, got %s", path, want, short(got))}
	}
	return nil
}

func ascending(path string, want, got any) []string {
	list, _ := got.([]any)
	within, _ := want.(float64)
	most := math.Inf(-1)
	for i, item := range list {
		n, ok := item.(float64)
		if s, text := item.(string); text {
			var err error
			n, err = strconv.ParseFloat(s, 64)
			ok = err == nil
		}
		if !ok || n < most-within {
			return []string{fmt.Sprintf("%s: %s is not in order at %d", path, short(got), i)}
		}
		most = max(most, n)
	}
	return nil
}
