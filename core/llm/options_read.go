package llm

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/setting"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
)

// callSetting is an option of a call and how it is read.
type callSetting struct {
	setting.Setting
	set func(o *CallOptions, key string, v []byte) error
	// ofChats tells whether an option that only chats have is set; nil for
	// those that all calls have.
	ofChats func(o *CallOptions) bool
}

// callSettings is the table of a call's options: all doors read by it.
var callSettings = []callSetting{
	{setting.Setting{Name: "max_retries", Type: "integer", Default: "the route's", Meaning: "attempts on one route; 0 and 1 mean one attempt"},
		func(o *CallOptions, key string, v []byte) (err error) {
			o.MaxRetries, err = readInteger(key, v, 0)
			o.MaxRetries = max(o.MaxRetries, 1) // R1: 0 and 1 mean one
			return err
		}, nil},
	{setting.Setting{Name: "deadline", Type: "seconds", Default: "none", Meaning: "time limit for the whole call: all attempts, waits and routes"}, secondsIn(func(o *CallOptions) *time.Duration { return &o.Deadline }), nil},
	{setting.Setting{Name: "timeout", Type: "seconds", Default: "the route's", Meaning: "time limit for one attempt, or for a stream's first token"}, secondsIn(func(o *CallOptions) *time.Duration { return &o.Timeout }), nil},
	{setting.Setting{Name: "on_interrupt", Type: "\"error\" or \"restart\"", Default: "\"error\" for streams", Meaning: "when a stream breaks after its first token: \"error\" ends it with the partial text, \"restart\" starts the answer again on another route"},
		wordIn(func(o *CallOptions) *OnInterrupt { return &o.OnInterrupt }, interruptWords), func(o *CallOptions) bool { return o.OnInterrupt != "" }},
	{setting.Setting{Name: "hedge_after", Type: "seconds", Default: "off", Meaning: "streams: also asks a second route if the first has sent no token after this time"}, secondsIn(func(o *CallOptions) *time.Duration { return &o.HedgeAfter }), func(o *CallOptions) bool { return o.HedgeAfter != 0 }},
	{setting.Setting{Name: "failover_bad_request", Type: "bool", Default: "true", Meaning: "tries the next route after BAD_REQUEST"},
		func(o *CallOptions, key string, v []byte) (err error) {
			on, err := boolOption(key, v)
			o.StopOnBadRequest = !on
			o.Decided |= DecideBadRequest
			return err
		}, nil},
	{setting.Setting{Name: "failover_content_filter", Type: "bool", Default: "false", Meaning: "tries the next route after CONTENT_FILTER"}, boolIn(DecideContentFilter, func(o *CallOptions) *bool { return &o.FailoverOnContentFilter }), func(o *CallOptions) bool { return o.FailoverOnContentFilter }},
	{setting.Setting{Name: "unsupported", Type: "\"adapt\" or \"error\"", Default: "the route's", Meaning: "what a vendor cannot do: \"adapt\" leaves it out or changes it, or asks the next route where it gives the answer its shape; \"error\" ends the call with UNSUPPORTED"},
		wordIn(func(o *CallOptions) *OnUnsupported { return &o.Unsupported }, unsupportedWords), func(o *CallOptions) bool { return o.Unsupported != "" }},
	{setting.Setting{Name: "failover_on", Type: "list", Default: "by the table of errors", Meaning: "failures that go to the next route: names of codes, HTTP statuses (503, \"5xx\"), a vendor's codes; \"!\" before a failure means that the failure ends the call. The first rule that matches decides"},
		rulesIn(func(r *Rules) *[]string { return &r.Failover }), nil},
	{setting.Setting{Name: "retry_on", Type: "list", Default: "by the table of errors", Meaning: "failures after which the same route is asked again, as failover_on; max_retries and the waits stay as they are"},
		rulesIn(func(r *Rules) *[]string { return &r.Retry }), nil},
	{setting.Setting{Name: "accept", Type: "\"nonempty\" or \"ask\"", Default: "every answer", Meaning: "which answers count; any other answer is a failed attempt (BAD_RESPONSE), and the call goes on: \"nonempty\" refuses answers with nothing but thoughts, \"ask\" (C) asks the application; in Python and Go a function"},
		(*CallOptions).setAccept, func(o *CallOptions) bool { return o.Accept != "" || o.Accepts != nil }},
	{setting.Setting{Name: "max_cost", Type: "number or object", Default: "none", Meaning: "no attempt begins after the call's known cost has reached this sum; {\"amount\", \"hard\": true}: nor does an attempt that could pass the sum by its price, its size and max_tokens (such a route fails with QUOTA and is not asked)"},
		(*CallOptions).setMaxCost, nil},
	{setting.Setting{Name: "budgets", Type: "list of names", Default: "none", Meaning: "budgets that the call shares with others: no attempt begins after their known cost has reached one of them"},
		(*CallOptions).setBudgets, nil},
	{setting.Setting{Name: "strategy", Type: "text", Default: "\"order\"", Meaning: "the order of an aggregator's routes: \"order\" as listed, \"weighted\" at random by their \"weight\", \"latency\" the fastest route first, \"least_busy\" the route with the most free slots, \"cost\" the cheapest route, \"usage\" the route with the most room left in its rate"},
		wordIn(func(o *CallOptions) *Strategy { return &o.Strategy }, strategyWords), nil},
	{setting.Setting{Name: "session", Type: "text", Default: "none", Meaning: "calls with the same text ask the same route first, as long as it is usable, under every strategy but \"order\""},
		text(func(o *CallOptions) *string { return &o.Session }, "a text that names the session, such as \"chat-42\""), nil},
	{setting.Setting{Name: "cache", Type: "\"use\", \"refresh\" or \"off\"", Default: "\"use\" if the aggregator has a cache", Meaning: "\"use\" takes the answer of an equal request from the aggregator's cache, if there is one, \"refresh\" asks the server and replaces the kept answer, \"off\" neither reads nor keeps; of an aggregator also true, or {\"size\", \"ttl_s\"}: it has a cache"},
		(*CallOptions).setCache, func(o *CallOptions) bool { return o.Cache != "" }},
	{setting.Setting{Name: "include_usage", Type: "bool", Default: "true for aggregators, false for single clients", Meaning: "asks for usage in streams where the vendor supports it"}, boolIn(DecideUsage, func(o *CallOptions) *bool { return &o.IncludeUsage }), func(o *CallOptions) bool { return o.IncludeUsage }},
	{setting.Setting{Name: "bulk", Type: "bool", Default: "true for rows of llmagg.bulk, false for other calls", Meaning: "the call is one of many: while such calls are under way on a route without a max_concurrent_calls of its own, its max_concurrent_calls is \"auto\""}, boolIn(DecideBulk, func(o *CallOptions) *bool { return &o.Bulk }), nil},
	{setting.Setting{Name: "headers", Type: "object of texts", Default: "none", Meaning: "HTTP headers for this call; they replace configured headers of the same name"},
		func(o *CallOptions, key string, v []byte) (err error) {
			if o.Headers, err = ReadHeaders(v); err != nil {
				return err
			}
			return CheckHeaders(o.Headers)
		}, nil},
	{setting.Setting{Name: "extra_body", Type: "object", Default: "none", Meaning: "server-specific request fields; they are merged into the request and replace fields of the same name; model, messages, stream and n belong in the request itself"},
		func(o *CallOptions, _ string, v []byte) (err error) {
			o.ExtraBody, err = parseExtraBody(v)
			return err
		}, nil},
	{setting.Setting{Name: "headers_only", Type: "bool", Default: "false", Meaning: "sends this call's headers only, without the key and the configured headers", Internal: true}, boolIn(0, func(o *CallOptions) *bool { return &o.HeadersOnly }), nil},
	{setting.Setting{Name: "bare", Type: "bool", Default: "false", Meaning: "one attempt without concurrency limit, breaker or retry (single clients only)", Internal: true}, boolIn(0, func(o *CallOptions) *bool { return &o.Bare }), nil},
	{setting.Setting{Name: "groups", Type: "list of integers", Default: "one group", Meaning: "over explicit routes: the sizes of consecutive groups, each of which the strategy orders", Internal: true},
		routing(func(r *Routing) *[]int { return &r.Groups }), nil},
	{setting.Setting{Name: "order", Type: "list of integers", Default: "by the strategy", Meaning: "over explicit routes: the places of the routes in the order in which they are asked; the others follow", Internal: true},
		routing(func(r *Routing) *[]int { return &r.Order }), nil},
	{setting.Setting{Name: "cache_name", Type: "text", Default: "none", Meaning: "over explicit routes: the cache that llmagg_cache_set has made", Internal: true},
		text(func(o *CallOptions) *string { return &o.CacheName }, "the name of a cache, such as \"answers\""), nil},
	{setting.Setting{Name: "window", Type: "integer", Default: "64", Meaning: "with LLMAGG_STREAM: chunks that may be outstanding before llmagg_op_credit; 0 means no limit", Internal: true},
		func(o *CallOptions, key string, v []byte) (err error) {
			if o.Window, err = readInteger(key, v, 0); err == nil && o.Window == 0 {
				o.Window = -1
			}
			return err
		}, nil},
}

// callSettingOf is the option of a call that has this name; nil where there is
// none.
func callSettingOf(name string) *callSetting {
	for i := range callSettings {
		if callSettings[i].Name == name {
			return &callSettings[i]
		}
	}
	return nil
}

var callOptionNames = func() []string {
	names := make([]string, len(callSettings))
	for i := range callSettings {
		names[i] = callSettings[i].Name
	}
	return names
}()

// ParseCallOptions reads options from JSON text; empty text and null give the
// defaults. Times are seconds. Unknown names and wrong types are
// INVALID_ARGUMENT.
func ParseCallOptions(data []byte) (CallOptions, error) {
	o, _, _, err := parseOptions(data, false)
	return o, err
}

// ParseAggregatorOptions reads an aggregator's options: "models", and the
// options of a call as defaults for its calls. groups are the sizes of the
// groups of models; see [ParseModels].
func ParseAggregatorOptions(data []byte) (models []string, groups []int, o CallOptions, err error) {
	o, models, groups, err = parseOptions(data, true)
	return models, groups, o, err
}

func parseOptions(data []byte, withModels bool) (o CallOptions, models []string, groups []int, err error) {
	if len(data) == 0 || string(data) == "null" {
		return o, nil, nil, nil
	}
	what, form := "call", `{"deadline": 20}`
	if withModels {
		what, form = "aggregator's", `{"models": ["provider/model"], "deadline": 20}`
	}
	fields, err := jsontext.FieldsOf(data)
	if err != nil {
		return o, nil, nil, Errorf(InvalidArgument, "the %s options are not valid JSON: %v; expected an object such as %s", what, err, form)
	}
	if err := shown.Twice(fields); err != nil {
		return o, nil, nil, Errorf(InvalidArgument, "the text of the %s options %v", what, err)
	}
	for _, f := range fields.List {
		v := data[f.Start:f.End]
		option := callSettingOf(f.Key)
		switch {
		case withModels && f.Key == "models":
			if models, groups, err = ParseModels(v); err != nil {
				return o, nil, nil, ofOption(f.Key, err)
			}
		case withModels && f.Key == "cache" && v[0] != '"' && v[0] != 'n':
			if o.CacheLimits, err = ReadCacheLimits("option \"cache\"", v); err != nil {
				return o, nil, nil, err
			}
		case option == nil && isProvider(v):
			return o, nil, nil, Errorf(InvalidArgument, "option %s is a provider of a configuration; pass the configuration as the argument that it is, not among the options", shown.Name(f.Key))
		case option == nil:
			return o, nil, nil, unknownOption(f.Key, withModels)
		case v[0] == 'n': // left out
		default:
			if err := option.set(&o, f.Key, v); err != nil {
				return o, nil, nil, ofOption(f.Key, err)
			}
		}
	}
	return o, models, groups, nil
}

// ofOption is an error with the name of the option that it is about; nil stays
// nil.
func ofOption(name string, err error) error {
	if err == nil {
		return nil
	}
	text := AsError(err).Message
	switch quoted := strconv.Quote(name); {
	case strings.HasPrefix(text, "option "+quoted):
		return err
	case strings.HasPrefix(text, quoted):
		return Errorf(InvalidArgument, "option %s", text)
	default:
		return Errorf(InvalidArgument, "option %s: %s", quoted, text)
	}
}

// isProvider tells whether a value is {"models": …}, as a configuration has it
// below the name of a provider.
func isProvider(v []byte) bool {
	fields, err := jsontext.FieldsOf(v)
	return err == nil && slices.ContainsFunc(fields.List, func(f jsontext.Field) bool { return f.Key == "models" })
}

// unknownOption refuses a name that is no option of a call, and says what it
// was probably meant for.
func unknownOption(key string, ofAggregator bool) error {
	known := callOptionNames
	if ofAggregator {
		known = append([]string{"models"}, known...)
	}
	if err := checkSystem(key); err != nil {
		return err
	}
	if otherTexts.Has(key) && !ofAggregator {
		return besideThem(key)
	}
	what, place := "unknown call option "+shown.Name(key), key
	if !isConfigKey(key) { // perhaps another library's name for one
		place = suggest.Nearest(key, onlyConfigNames, 0)
	}
	switch {
	case !ambiguousFields.Has(key) && isRequestField(key):
		return Errorf(InvalidArgument, "%s; it is a request field: put it into the request", what)
	case place != "" && suggest.Nearest(key, known, 0) == "":
		return Errorf(InvalidArgument, "%s; %s belongs in the configuration of a model", what, shown.Name(place))
	}
	if suggest.Nearest(key, known, suggest.Slips(key)) == "" { // what else it may be
		fields, few := slices.Concat(requestFieldNames, vendorFieldNames()), suggest.Slips(key)
		if len(key) == 3 { // of four letters; those of vendors are shorter
			fields, few = requestFieldNames, 1
		}
		if field := suggest.Nearest(key, fields, few); field != "" && !ambiguousFields.Has(field) {
			return Errorf(InvalidArgument, "%s; did you mean %q, a field of the request?", what, field)
		}
	}
	if suggest.Means(key, "models") || key == "models" || key == "route" {
		return Errorf(InvalidArgument, "%s; for failover, list the routes in the \"models\" of an aggregator (server-specific fields go into \"extra_body\")", what)
	}
	if hint := suggest.For(key, known); hint != "" {
		return Errorf(InvalidArgument, "%s%s", what, hint)
	}
	return Errorf(InvalidArgument, "%s; server-specific fields go into \"extra_body\"", what)
}

// ReadOnUnsupported reads an [OnUnsupported] from JSON text; what names it in
// the message.
func ReadOnUnsupported(what string, v []byte) (OnUnsupported, error) {
	word, err := readWord(what, v, unsupportedWords)
	return OnUnsupported(word), err
}

// wordIn reads an option that is one of some words.
func wordIn[T ~string](field func(*CallOptions) *T, words []string) func(*CallOptions, string, []byte) error {
	return func(o *CallOptions, key string, v []byte) error {
		word, err := readWord("option "+strconv.Quote(key), v, words)
		*field(o) = T(word)
		return err
	}
}

func readWord(what string, v []byte, words []string) (word string, err error) {
	if v[0] != '"' || JSON.Unmarshal(v, &word) != nil {
		return "", Errorf(InvalidArgument, "%s is %s; expected %s", what, shown.Value(v), oneOf(words))
	}
	return word, checkWord(what, word, words)
}

// checkWord refuses a word that is none of words; "" is the default of an
// option.
func checkWord(what, word string, words []string) error {
	if word == "" || slices.Contains(words, word) {
		return nil
	}
	return Errorf(InvalidArgument, "%s is %s; expected %s%s", what, shown.Text(word), oneOf(words), suggest.For(word, words))
}

// oneOf lists words for a message: "a", "b" or "c".
func oneOf(words []string) string {
	last := len(words) - 1
	quoted := `"` + words[last] + `"`
	if last == 0 {
		return quoted
	}
	return `"` + strings.Join(words[:last], `", "`) + `" or ` + quoted
}

func secondsIn(field func(*CallOptions) *time.Duration) func(*CallOptions, string, []byte) error {
	return func(o *CallOptions, key string, v []byte) (err error) {
		*field(o), err = setting.Seconds(key, v)
		return refused(err)
	}
}

func boolIn(decides Decisions, field func(*CallOptions) *bool) func(*CallOptions, string, []byte) error {
	return func(o *CallOptions, key string, v []byte) (err error) {
		*field(o), err = boolOption(key, v)
		o.Decided |= decides
		return err
	}
}

func boolOption(key string, v json.RawMessage) (bool, error) {
	if v[0] != 't' && v[0] != 'f' {
		return false, Errorf(InvalidArgument, "option %q is %s; expected true or false", key, shown.Value(v))
	}
	return v[0] == 't', nil
}

func readInteger(key string, v []byte, least int) (int, error) {
	n, err := setting.Integer(key, v, least)
	return n, refused(err)
}

func refused(err error) error {
	if err == nil {
		return nil
	}
	return Errorf(InvalidArgument, "%v", err)
}

// OptionSettings is the table of a call's options.
func OptionSettings() []setting.Setting {
	var table []setting.Setting
	for _, o := range callSettings {
		table = append(table, o.Setting)
	}
	return table
}

// checkNoChat refuses options that only chats have; what names the call.
func (o *CallOptions) checkNoChat(what string) error {
	for i := range callSettings {
		if s := &callSettings[i]; s.ofChats != nil && s.ofChats(o) {
			return Errorf(InvalidArgument, "option %q is for chats only; leave it out of a call for %s", s.Name, what)
		}
	}
	return nil
}
