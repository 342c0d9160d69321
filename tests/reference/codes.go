package reference

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/llmagg/llmagg/core/failure"
	"github.com/llmagg/llmagg/core/llm"
)

// explained says what a code means, and what to do about it.
type explained struct{ meaning, advice string }

// codes is the text beside core/failure's table: each code has a row.
var codes = map[llm.Code]explained{
	llm.InvalidArgument:   {"an argument, JSON text or configuration that cannot be used", "Correct the program or the configuration: the message names the place and the nearest known name."},
	llm.InvalidHandle:     {"a NULL, freed, foreign or wrong-kind handle", "Only in C: pass a handle that the library returned and that is not freed yet."},
	llm.Closed:            {"the object is closed, or was closed while the call ran", "Close clients and aggregators after their calls have ended. An aggregator in Python may be used again after `close()`."},
	llm.Internal:          {"a fault in the library, which continues to work", "Report it with the text of the error. The next route has been tried already."},
	llm.Forked:            {"a forked child used the library of its parent", "Start calls in the child, not before the fork; in C load the library after the fork. Servers that fork need no change in Python."},
	llm.NotInitialized:    {"the aggregator has no routes yet", "Set a vendor's key or LLMAGG_CONFIG, or call `initialize` first."},
	llm.ProviderNotFound:  {"no provider of that name is registered", "Compare the name before the slash with the configuration."},
	llm.ModelNotFound:     {"no such model here, or the server answered 404", "Compare the model's name with `llmagg models VENDOR` and with the configuration; for Azure set `deployment`."},
	llm.Authentication:    {"the server refused the key", "Look at the key, its project and its permissions; `llmagg doctor --live` says which key was refused. The route is left out for `breaker.block_s`."},
	llm.Quota:             {"the account has no credit left, or the call would pass its max_cost", "Look at the account's credit, or at `max_cost`. A second key goes into `api_keys`. The route, or the key, is left out for `breaker.block_s`; credit that was added is then used without a restart."},
	llm.RateLimit:         {"the server asked to slow down", "llmagg has waited and retried. Add a route, set the route's `rate`, or call again after `retry_after`."},
	llm.BadRequest:        {"the server refused the request", "Read `provider_message`: it names the field. Another route may accept the request, so it is tried as well."},
	llm.ContextLength:     {"the prompt is too long for the model", "Shorten the messages, or add a route with a larger `context_window`."},
	llm.ContentFilter:     {"the prompt or the answer was blocked by the vendor", "Change the request. With `failover_content_filter` the next route is asked."},
	llm.Timeout:           {"a deadline passed", "Raise `timeout` (one attempt) or `deadline` (the whole call), or add a faster route; for streams `hedge_after` helps."},
	llm.Unavailable:       {"network failure, a proxy's 407, 408, 409, 421, 424, 425, 498, 499, or 5xx", "llmagg has retried. Add a route at another vendor; if the message names DNS, TLS or a proxy, correct these."},
	llm.BadResponse:       {"the answer is not a completion, or exceeds a limit", "Look at `body` and at `base_url`: often it is a login page, a gateway or another API. For large answers raise `limits`."},
	llm.StreamInterrupted: {"the stream broke off; the error has the partial text", "Use `partial_text`, ask again, or set `on_interrupt` to `\"restart\"`."},
	llm.CircuitOpen:       {"the route's circuit breaker is open", "The route failed often a moment ago. Add a route; `health_report()` says when it is tried again."},
	llm.Overloaded:        {"the route stayed at its concurrency limit, or its rate has no room", "Raise `max_concurrent_calls` or `rate`, add a route, or make fewer calls at a time."},
	llm.AllFailed:         {"every route failed; the error has all attempts", "Read `attempts`: each names its route, its cause and what the provider said."},
	llm.Unsupported:       {"the vendor cannot do what the request asks for", "Add a route that can, leave the parameter out, or set `unsupported` to `\"adapt\"`."},
	llm.Canceled:          {"the caller canceled", "Nothing: your program has left the call, or has not read its stream for `reader_timeout`."},
}

// effects says what llmagg does by itself after a failure, asked of the table
// itself: the same route again, the next route, the breaker.
func effects(c llm.Code) (retry, next, breaker string) {
	e, options := &llm.Error{Code: c}, &llm.CallOptions{}
	told := &llm.Error{Code: c, HasRetryAfter: true}
	switch {
	case failure.Retries(e, true, options):
		retry = "yes"
	case failure.Retries(told, true, options):
		retry = "if the server says when, or if no other route is usable"
	case failure.Retries(e, false, options):
		retry = "if no other route is usable"
	default:
		retry = "no"
	}
	switch {
	case failure.NextRoute(e, &llm.CallOptions{StopOnBadRequest: true}):
		next = "yes"
	case failure.NextRoute(e, options):
		next = "unless `failover_bad_request` is false"
	case failure.NextRoute(e, &llm.CallOptions{FailoverOnContentFilter: true}):
		next = "with `failover_content_filter`"
	default:
		next = "no"
	}
	breaker = map[failure.Effect]string{failure.Counts: "counts", failure.Blocks: "blocks the route"}[failure.BreakerEffect(c)]
	if breaker == "" {
		breaker = "–"
	}
	return retry, next, breaker
}

// classes gives the class of each code from the source of Python's errors.
func classes(source string) map[string]string {
	found := map[string]string{}
	class := ""
	line := regexp.MustCompile(`(?m)^class (\w+)|^    code, name = -\d+, "(\w+)"`)
	for _, m := range line.FindAllStringSubmatch(source, -1) {
		if m[1] != "" {
			class = m[1]
		} else {
			found[m[2]] = class
		}
	}
	return found
}

// errorTables gives the two tables of the errors' page.
func errorTables(words *words, source string) (advice, whatFollows string) {
	var a, f strings.Builder
	class := classes(source)
	fmt.Fprintf(&a, "| %s |\n|---|---|---|---|\n", strings.Join(words.adviceHeads, " | "))
	fmt.Fprintf(&f, "| %s |\n|---|---|---|---|\n", strings.Join(words.effectHeads, " | "))
	for _, c := range llm.Codes()[1:] {
		python := "–"
		if class[c.String()] != "" {
			python = "`" + class[c.String()] + "`"
		}
		text := codes[c]
		fmt.Fprintf(&a, "| `%s` %d | %s | %s | %s |\n", c, c, python,
			words.of(text.meaning), words.of(text.advice))
		if retry, next, breaker := effects(c); retry != "no" || next != "no" || breaker != "–" {
			fmt.Fprintf(&f, "| `%s` | %s | %s | %s |\n", c, words.of(retry), words.of(next), words.of(breaker))
		}
	}
	return a.String(), f.String()
}

// headerCodes is the enum of the header.
func headerCodes() string {
	var b strings.Builder
	b.WriteString("    LLMAGG_OK = 0,\n")
	all := llm.Codes()[1:]
	for i, c := range all {
		line := fmt.Sprintf("    LLMAGG_E_%s = %d", c, c)
		if i < len(all)-1 {
			line += ","
		}
		line += strings.Repeat(" ", max(38-utf8.RuneCountInString(line), 0))
		b.WriteString(line + " /* " + codes[c].meaning + " */\n")
	}
	return b.String()
}
