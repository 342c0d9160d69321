// Package suggest finds the known name that a misspelt name stands for: one
// with the same letters, another library's name for the same thing, or one a
// slip of the finger away.
//
// It imports core/internal/shown.
package suggest

import (
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/internal/shown"
)

// For returns the known name nearest to an unknown name, as the end of an
// error message, or "" if none is similar.
func For(name string, known []string) string {
	most := max(2, len(name)/3)
	if len(name) < 5 { // two other letters make another word: code, body
		most = 1
	}
	if best := Nearest(name, known, most); best != "" {
		return "; did you mean " + shown.Name(best) + "?"
	}
	for _, k := range known { // one of the words of a name, or all of it but its unit
		if (len(name) >= 4 || len(name) == len(k)-len("_s")) && slices.Contains(strings.Split(k, "_"), strings.ToLower(name)) {
			return "; did you mean " + shown.Name(k) + "?"
		}
	}
	return ""
}

// aliases are names that other libraries have for the same thing, folded, and
// ours; where a name means different things in different places, the first one
// that is known there counts. A text, since a map of it would take 15 KB.
const aliases = ` key=api_key token=api_key apitoken=api_key secret=api_key openaiapikey=api_key password=api_key
 url=base_url apibase=base_url endpoint=base_url azureendpoint=base_url host=base_url openaiapibase=base_url apiurl=base_url baseuri=base_url apiendpoint=base_url
 modelname=model modelid=model deployment=model deploymentid=model engine=model upstream=model
 retries=max_retries numretries=max_retries retrycount=max_retries maxattempts=max_retries attempts=max_retries retry=retry,max_retries maxretry=max_retries tries=max_retries
 requesttimeout=timeout timelimit=deadline,timeout timeoutseconds=timeout timeoutms=timeout readtimeout=idle_timeout,timeout streamtimeout=idle_timeout,timeout maxtime=deadline totaltimeout=deadline overalltimeout=deadline budget=budgets,deadline maxwait=deadline
 hedge=hedge_after hedging=hedge_after hedgedelay=hedge_after hedgeafterseconds=hedge_after
 fallbacks=models fallback=models fallbackmodels=models contextwindowfallbacks=models routes=models modellist=models
 extraheaders=headers extraheader=headers defaultheaders=headers header=headers httpheaders=headers
 extra=extra_body extraparams=extra_body extrafields=extra_body extraquery=extra_body modelkwargs=extra_body additionalmodelrequestfields=extra_body body=extra_body
 dropparams=unsupported oninterruption=on_interrupt onerror=on_interrupt onbreak=on_interrupt restart=on_interrupt
 org=organization organizationid=organization openaiorganization=organization
 cabundle=ca_file cacert=ca_file cafile=ca_file verify=ca_file verifyssl=ca_file sslverify=ca_file certificate=ca_file tls=ca_file
 proxies=proxy httpproxy=proxy httpsproxy=proxy proxyurl=proxy
 rpmlimit=rpm requestsperminute=rpm tpmlimit=tpm tokensperminute=tpm
 cost=price costs=price pricing=price ratelimit=rate ratelimits=rate retrypolicy=retry retryconfig=retry
 circuitbreaker=breaker maxconcurrency=max_concurrent_calls concurrency=max_concurrent_calls maxparallelrequests=max_concurrent_calls maxconnections=max_concurrent_calls maxconcurrent=max_concurrent_calls
 format=type apitype=type wireformat=type vendor=type
 maxtoken=max_tokens maxoutputtokens=max_completion_tokens,max_tokens maxnewtokens=max_tokens temp=temperature stopsequences=stop responseschema=response_format responsemodel=response_format jsonmode=response_format streaming=stream prompt=messages usage=include_usage streamusage=include_usage
 threshold=failures failurethreshold=failures cooldown=open_s cooldowntime=open_s resettimeout=open_s recoverytimeout=open_s
 code=status statuscode=status httpstatus=status
 backofffactor=backoff_s maxbackoff=backoff_max_s maxbytes=response_bytes maxresponsebytes=response_bytes
`

// aliasesOf are the names of ours for a folded name of another library.
func aliasesOf(folded string) []string {
	_, rest, found := strings.Cut(aliases, " "+folded+"=")
	if !found || folded == "" {
		return nil
	}
	return strings.Split(rest[:strings.IndexAny(rest, " \n")], ",")
}

// Nearest is the known name that name most likely stands for: the same letters
// in another spelling, another library's name for it, or one that at most so
// many slips of the finger make of it. "" when there is none.
func Nearest(name string, known []string, most int) string {
	folded := Fold(name)
	for _, k := range known {
		if Fold(k) == folded {
			return k
		}
	}
	for _, k := range aliasesOf(folded) {
		if slices.Contains(known, k) {
			return k
		}
	}
	best, distance := "", min(most+1, len(folded))
	for _, k := range known {
		if max(len(k)-len(name), len(name)-len(k)) >= distance {
			continue
		}
		if d := editDistance(strings.ToLower(name), strings.ToLower(k)); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// Slips is how many slips of the finger still make a name near to another
// where the name may be right: few, since vendors have short names.
func Slips(name string) int {
	switch n := len(name); {
	case n < 4:
		return 0
	case n < 8:
		return 1
	}
	return 2
}

// Fold reduces a name to its letters and digits, in lower case: base-URL and
// baseUrl equal base_url.
func Fold(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r == '_' || r == '-' || r == ' ' || r == '.':
			return -1
		}
		return r
	}, name)
}

// Means tells whether other libraries have name for what is known here.
func Means(name, known string) bool { return slices.Contains(aliasesOf(Fold(name)), known) }

// editDistance counts the bytes to insert, delete or replace and the pairs of
// neighbours to swap (optimal string alignment): fingers swap letters.
func editDistance(a, b string) int {
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			cost := row[j]
			if a[i] != b[j] {
				cost++
			}
			next[j+1] = min(cost, next[j]+1, row[j+1]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}
