package llm

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/llmagg/llmagg/core/internal/jsontext"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
)

// Rules say which failures go to the next route, and which are retried on the
// same route, where the table of errors says otherwise. A rule is the name of a
// code ("RATE_LIMIT", also in small letters), an HTTP status ("503", "5xx"), or
// the code or type that the vendor gives ("model_overloaded"); "!" before it
// means the opposite. The first rule that matches decides. Rules change neither
// how many attempts a call makes nor how long it waits.
type Rules struct {
	Failover []string
	Retry    []string
}

// Failover says whether e goes to the next route; says is false if no rule
// matches.
func (o *CallOptions) Failover(e *Error) (yes, says bool) {
	if o.Rules == nil {
		return false, false
	}
	return decide(o.Rules.Failover, e)
}

// Retry says whether the route is asked again after e, as Failover.
func (o *CallOptions) Retry(e *Error) (yes, says bool) {
	if o.Rules == nil {
		return false, false
	}
	return decide(o.Rules.Retry, e)
}

func decide(rules []string, e *Error) (yes, says bool) {
	for _, rule := range rules {
		what, not := strings.CutPrefix(rule, "!")
		if strings.EqualFold(what, e.Code.String()) || e.Status != 0 && statusIs(what, e.Status) || what == e.ProviderCode || what == e.Type {
			return !not, true
		}
	}
	return false, false
}

func statusIs(rule string, status int) bool {
	if len(rule) == 3 && rule[1:] == "xx" {
		return int(rule[0]-'0') == status/100
	}
	return rule == strconv.Itoa(status)
}

// check refuses rules that cannot match; nil are none.
func (r *Rules) check() error {
	if r == nil {
		return nil
	}
	return cmp.Or(checkRules("failover_on", r.Failover), checkRules("retry_on", r.Retry))
}

const expectedRule = "expected the name of an error code, an HTTP status such as 503 or \"5xx\", or a vendor's code"

// checkRules refuses rules that cannot match: statuses that do not exist, codes
// that no route fails with, and names that are nearly those of codes.
func checkRules(option string, rules []string) error {
	for i, rule := range rules {
		what, _ := strings.CutPrefix(rule, "!")
		where := "option \"" + option + "\"[" + strconv.Itoa(i) + "]"
		if what == "" {
			return Errorf(InvalidArgument, "%s is empty; %s", where, expectedRule)
		}
		code, known := CodeOf(strings.ToUpper(what))
		if what[0] == '!' || strings.TrimSpace(what) != what {
			return Errorf(InvalidArgument, "%s has a blank at one end, or a second \"!\"; %s", where, expectedRule)
		}
		if known && code != OK && !code.OfRoute() {
			return Errorf(InvalidArgument, "%s is %s, which no failure of a route has, so that no rule changes it; %s", where, what, expectedRule)
		}
		n, err := strconv.Atoi(what)
		if err == nil && saysWell(n) || code == OK && known || isClass(what) && !statusIs(what, 300) && !statusIs(what, 400) && !statusIs(what, 500) {
			return Errorf(InvalidArgument, "%s is %s, which no failure has; %s", where, what, expectedRule)
		}
		if known || strings.ToUpper(what) != what || err == nil {
			continue
		}
		var names []string
		for i := range codes {
			names = append(names, codes[i].name)
		}
		if hint := suggest.For(what, names); hint != "" {
			return Errorf(InvalidArgument, "%s is %s, which is no error code%s", where, shown.Text(what), hint)
		}
	}
	return nil
}

// saysWell tells whether a number says that nothing failed, as a status and as
// a code of any vendor. Vendors count their codes from 1: Baidu has 110.
func saysWell(n int) bool { return n == 0 || n >= 200 && n < 300 }

// isClass tells whether a rule looks like that of a class of statuses.
func isClass(rule string) bool {
	return rule[0] >= '0' && rule[0] <= '9' && strings.TrimRight(rule[1:], "xX") == ""
}

func rulesIn(field func(*Rules) *[]string) func(*CallOptions, string, []byte) error {
	return func(o *CallOptions, key string, v []byte) error {
		list, err := jsontext.ItemsOf(v)
		if err != nil {
			return Errorf(InvalidArgument, "option %q is %s; expected a list of rules, such as [\"RATE_LIMIT\", 503, \"!BAD_REQUEST\"]", key, shown.Value(v))
		}
		rules := make([]string, len(list))
		for i, item := range list {
			if n, err := strconv.ParseFloat(string(item), 64); err == nil && n == math.Trunc(n) {
				rules[i] = strconv.FormatFloat(n, 'f', -1, 64)
			} else if item[0] != '"' || JSON.Unmarshal(item, &rules[i]) != nil {
				return Errorf(InvalidArgument, "option %q[%d] is %s; %s", key, i, shown.Value(item), expectedRule)
			}
		}
		both := Rules{}
		if o.Rules != nil {
			both = *o.Rules
		}
		*field(&both) = rules
		o.Rules = &both
		return checkRules(key, rules)
	}
}

// AcceptNonempty is the value of [CallOptions].Accept that refuses empty
// answers.
const AcceptNonempty = "nonempty"

// AcceptAsk is the value of [CallOptions].Accept in text by which an operation
// of the C ABI asks its application; it becomes Accepts.
const AcceptAsk = "ask"

var acceptWords = []string{AcceptNonempty}

func (o *CallOptions) setAccept(_ string, v []byte) (err error) {
	o.Accept, err = readWord("option \"accept\"", v, []string{AcceptNonempty, AcceptAsk})
	return err
}

// Empty tells whether no choice of the answer holds anything but thoughts: no
// text, refusal, call, sound or other piece.
func (r *Response) Empty() bool {
	return !slices.ContainsFunc(r.Choices, func(c Choice) bool {
		m := &c.Message
		return m.PlainText() != "" || m.Refusal != "" || len(m.Parts) > 0 || len(m.ToolCalls) > 0 || m.FunctionCall != nil || len(m.Audio) > 0 ||
			slices.ContainsFunc(m.AnswerParts(), func(p AnswerPart) bool { return p.Type == "image" || p.Type == "audio" || p.Type == "other" })
	})
}
