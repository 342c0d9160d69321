package failure

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/internal/wordlist"
	"github.com/llmagg/llmagg/core/llm"
)

// The codes of vendors, as data. Words are folded; numbers mean something only
// in the shape of the vendor whose they are.

const (
	zhipu       shape = "zhipu"       // {"error":{"code":"1113","message"}}
	miniMax     shape = "minimax"     // {"base_resp":{"status_code","status_msg"}}
	baidu       shape = "baidu"       // {"error_code","error_msg"}: the API before v2
	siliconFlow shape = "siliconflow" // {"code","message","data"}
	spark       shape = "spark"       // {"code","message","sid"}, also as "header"
	grpc        shape = "grpc"        // {"code","message","details"}: google.rpc.Status
)

// shapeOf finds the vendor whose numbers an object's code is among.
func shapeOf(f fields, depth int) shape {
	number, err := strconv.Atoi(scalar(f["code"]))
	has := func(name string) bool { _, ok := f[name]; return ok }
	switch {
	case has("errorcode") && has("errormsg"):
		return baidu
	case has("grpccode"):
		return grpc
	case err != nil:
		return ""
	case has("details") && 0 < number && number <= 16:
		return grpc
	case has("sid"), has("message") && number >= 10000 && number < 12000 && strings.Contains(textOf(f["message"]), "sid"):
		return spark
	case has("data") && has("message") && number >= 10000:
		return siliconFlow
	case depth > 0 && number >= 1000 && number < 2000 && (!has("type") || strings.HasPrefix(textOf(f["message"]), "["+strconv.Itoa(number)+"]")):
		return zhipu // in Anthropic's form the message says the number again
	}
	return ""
}

// numberBehind is the number that MiniMax writes at the end of a message in
// OpenAI's and Anthropic's forms: "insufficient balance (1008)". "" for any
// that it does not have, and for those that mean what the status says anyway:
// other servers end so with a limit, "at most (1024)".
func numberBehind(message string) string {
	head, ok := strings.CutSuffix(message, ")")
	if at := strings.LastIndexByte(head, '('); ok && at > 0 {
		if code, _ := numbers[1].codes.Find(head[at+1:]); code == llm.Quota || code == llm.ContentFilter {
			return head[at+1:]
		}
	}
	return ""
}

// numbers are the codes of each shape; data, where a map would be built at each
// start.
var numbers = []struct {
	shape shape
	codes wordlist.Index[llm.Code]
}{
	{zhipu, wordlist.Index[llm.Code]{
		{Value: llm.Authentication, Words: "1000 1001 1002 1003 1004 1110 1111 1112 1121 1220 1309 1311 1313"},
		{Value: llm.Quota, Words: "1113 1304 1308 1310"},
		{Value: llm.ModelNotFound, Words: "1211 1221 1222"},
		{Value: llm.BadRequest, Words: "1210 1212 1213 1214 1215"},
		{Value: llm.ContextLength, Words: "1261"},
		{Value: llm.ContentFilter, Words: "1301"},
		{Value: llm.RateLimit, Words: "1302 1303"},
		{Value: llm.Unavailable, Words: "1120 1230 1234 1305 1312"},
	}},
	{miniMax, wordlist.Index[llm.Code]{
		{Value: llm.Unavailable, Words: "1000 1001 1013 1024 1033"},
		{Value: llm.RateLimit, Words: "1002 1039 1041"},
		{Value: llm.Authentication, Words: "1004 2049"},
		{Value: llm.Quota, Words: "1008 2056"},
		{Value: llm.ContentFilter, Words: "1026 1027"},
		{Value: llm.BadRequest, Words: "2013"},
	}},
	{baidu, wordlist.Index[llm.Code]{
		{Value: llm.Unavailable, Words: "1 2 15 336000 336100 336200 336303"},
		{Value: llm.RateLimit, Words: "4 18 336501 336502 336503"},
		{Value: llm.Authentication, Words: "6 13 14 100 110 111 336004"},
		{Value: llm.Quota, Words: "17 19"},
		{Value: llm.BadRequest, Words: "3 336001 336002 336003 336006"},
		{Value: llm.ContextLength, Words: "336007 336103 336104"},
		{Value: llm.ModelNotFound, Words: "336005"},
	}},
	{siliconFlow, wordlist.Index[llm.Code]{
		{Value: llm.BadRequest, Words: "20015"},
		{Value: llm.Quota, Words: "30001"},
		{Value: llm.Unavailable, Words: "50500 50501 50502 50503 50504 50505 50507 50508 50603 60000"},
	}},
	{spark, wordlist.Index[llm.Code]{
		{Value: llm.RateLimit, Words: "10007 11202 11203"},
		{Value: llm.Unavailable, Words: "10008 10010 10011 10012 10110"},
		{Value: llm.ContentFilter, Words: "10013 10014 10019"},
		{Value: llm.ContextLength, Words: "10907"},
		{Value: llm.Authentication, Words: "10015 11200"},
		{Value: llm.Quota, Words: "11201"},
		{Value: llm.BadRequest, Words: "10003 10004 10005 10163"},
	}},
	{grpc, wordlist.Index[llm.Code]{
		{Value: llm.BadRequest, Words: "3 6 9 11 12"},
		{Value: llm.ModelNotFound, Words: "5"},
		{Value: llm.Authentication, Words: "7 16"},
		{Value: llm.RateLimit, Words: "8"},
		{Value: llm.Unavailable, Words: "1 2 4 10 13 14 15"},
	}},
}

// names are the words for programs that say what a failure is, whatever its
// status.
var names = wordlist.Index[llm.Code]{
	// OpenAI; Anthropic; Gemini; one-api; Ark; DashScope; Moonshot; Qianfan;
	// Tencent.
	{Value: llm.Quota, Words: "insufficientquota insufficientbalance creditbalanceexhausted organizationspendlimitexceeded projectspendlimitexceeded " +
		"billinghardlimitreached billingnotactive billingerror billingdisabled creditlimit insufficientuserquota preconsumetokenquotafailed " +
		"accountoverdueerror accountoverdue quotaexceeded accountquotaexceeded setlimitexceeded arrearage allocationquotafreetieronly exceededcurrentquotaerror " +
		"failedoperationresourcepackexhausted failedoperationfreeresourcepackexhausted servicequotaexceededexception insufficientcredits usagelimitreached usagelimitexceeded budgetexceeded"},
	{Value: llm.RateLimit, Words: "ratelimitexceeded ratelimiterror ratelimited ratelimitreached ratelimitreachederror throttlingexception throttling throttlingratequota limitrequests " +
		"throttlingallocationquota limittokens throttlingburstrate limitburstrate requestbursttoofast rpmratelimitexceeded tpmratelimitexceeded " +
		"modelaccountrpmratelimitexceeded modelaccounttpmratelimitexceeded requestlimitexceeded limitexceeded failedoperationengineserverlimitexceeded " +
		"servicetiercapacityexceeded toomanyrequests toomanyrequestserror toomanytokenserror resourceexhausted slowdown"},
	{Value: llm.Authentication, Words: "invalidapikey incorrectapikeyerror invalidauthenticationerror authenticationerror apikeyinvalid apikeyserviceblocked servicedisabled " +
		"consumersuspended accountdeactivated permissionerror invalidiamtoken invalidappid unrecognizedclientexception expiredtokenexception " +
		"failedtoauth accessdeny modelaccessdenied invalidsignatureexception signaturedoesnotmatch invalidaccesskeyid invalidclienttokenid requestexpired requesttimetooskewed optinrequired accessdenied " +
		"authenticationfailed missingauthenticationtokenexception incompletesignatureexception accessdeniedexception " +
		"expiredkey autherror failedoperationuserunautherror failedoperationservicenotactivated unauthenticated invalidtoken expiredtoken invalidclient modeltermsrequired " +
		"nodbconnection"}, // a key that litellm's proxy, which has no database, does not know
	{Value: llm.ContentFilter, Words: "contentfilter contentpolicyviolation hooksfailed responsibleaipolicyviolation prohibitedcontent moderation moderationblocked biopolicy datainspectionfailed " +
		"inputtextriskdetection outputtextriskdetection inputimageriskdetection outputimageriskdetection sensitivewordsdetected promptblocked unsaferequest " +
		"operationdeniedtextillegaldetected operationdeniedimageillegaldetected contentmoderation invalidprompt cyberpolicy misalignmentpolicyviolation"},
	{Value: llm.ContextLength, Words: "contextlengthexceeded exceedcontextsizeerror tokenslimitreached tokenstoolong characterstoolong outofcontexterror"},
	// OpenAI's Responses API: what the request holds cannot be used there.
	{Value: llm.BadRequest, Words: "invalidimage invalidimageformat invalidbase64image invalidimageurl invalidimagemode imagetoolarge imagetoosmall imageparseerror " +
		"imagefiletoolarge imagefilenotfound unsupportedimagemediatype emptyimagefile failedtodownloadimage dataresidencymismatch " +
		"previousresponsenotfound invalidencryptedcontent requesttoolarge"},
	{Value: llm.ModelNotFound, Words: "modelnotfound modelnotexist unknownmodel invalidmodel deploymentnotfound notfounderror modelnotopen modeldecommissioned " +
		"modelnotsupported modelnotavailable modelnotdeployed unsupportedmodel invalidmodelname invalidmodelid " +
		"invalidendpointclosedendpoint invalidendpointormodelnotfound resourcenotfoundexception"},
	{Value: llm.Unavailable, Words: "overloadederror engineoverloadederror engineoverloaded serveroverloaded serverhighload internalserviceerror " +
		"modelservingerror requesttimeout modeltimeoutexception modelnotreadyexception " +
		"internalserverexception internalfailure serverbusy queueexceeded modelcapacityexhausted serviceunavailable servicenotavailable serviceunavailableexception capacityexceeded cancelled getchannelfailed badresponsestatuscode dorequestfailed"},
	// The model's answer was of no use (Groq): another try may be better.
	{Value: llm.BadResponse, Words: "toolusefailed jsonvalidatefailed emptyresponse"},
}

// rule is a way to tell a failure by its words: by parts of its names, or by
// its message, where that comes with a status that speaks of the request.
type rule struct {
	code   llm.Code
	names  []string              // folded
	words  []string              // in lower case
	at     func(status int) bool // where the words count; nil for everywhere
	unless []string              // beside which they do not
}

// rules are asked one after the other, after the tables of whole names.
var rules = []rule{
	{code: llm.RateLimit, words: []string{"allocated quota exceeded", "allocation quota", "too many tokens, please wait", "exceeded your usage limits. please try again"}, at: isRefusal}, // DashScope, Bedrock: tokens per minute; Fireworks
	{code: llm.Quota, names: []string{"insufficientquota", "insufficientbalance", "notenoughbalance", "billinghardlimit", "billingnotactive", "arrearage", "overdue"},
		words: []string{"insufficient balance", "not enough balance", "insufficient credit", "insufficient funds", "credit balance is too low", "out of credit", "out of funds", "spend limit", "spending limit", "usage limit", "user quota is not enough", "token quota is not enough", "available credits", "included credits", "any credits", "budget has been exceeded", "call volume quota", "subscription quota", "free allocation", "key limit exceeded", "余额不足", "额度不足", "额度已用尽", "欠费"}, at: isRefusal,
		unless: []string{"memory usage", "cpu usage", "gpu usage", "disk usage", "storage usage"}},
	{code: llm.Quota, names: []string{"quotaexceeded"}, at: func(status int) bool { return isAbout(status) && status != 0 }},
	{code: llm.ContentFilter, names: []string{"contentfilter", "contentpolicy", "censorship", "moderation", "responsibleaipolicyviolation", "prohibitedcontent", "sensitivecontent", "riskdetection", "datainspection"},
		words: []string{"content management policy", "content policy", "content filter", "content exists risk", "inappropriate content", "敏感"}, at: isAbout},
	{code: llm.ContentFilter, words: []string{"moderation", "flagged"}, at: func(status int) bool { return status == 403 }},
	{code: llm.ContextLength, names: []string{"contextlength", "contextsize"},
		words: contexts, at: isAbout},
	{code: llm.ContextLength, words: []string{"prompt is too long", "prompt too long", "input is too long", "input too long", "context too long", "contextwindowexceeded"},
		at: func(status int) bool { return isAbout(status) || isNone(status) || status == http.StatusBadGateway }}, // whoever stands in front
	{code: llm.ContextLength,
		words: []string{"exceeds the maximum number of tokens", "input token count", "exceeded model token limit", "maximum model length", "maximum prompt length",
			"maximum input length", "maximum sequence length", "sum of prompt length", "reduce the length of the", "`inputs` tokens", "inputs tokens", "`inputs` must have less", "max length",
			"range of input length", "content': string too long", "text': string too long", "input': string too long", "total length cannot exceed", "prompt token count", "number of input tokens", "input tokens exceed",
			"token limit exceeded", "exceeds token limit", "超长", "最大长度", "输入过长", "上下文长度", "上下文限制"},
		at: isAbout},
	{code: llm.Authentication, names: []string{"invalidapikey", "apikeyinvalid", "authenticationerror", "invalidauthentication", "authfailure"},
		words: []string{"api key not valid", "incorrect api key", "invalid api key", "invalid api token", "api key expired"}, at: isRefusal},
	{code: llm.ModelNotFound, names: []string{"modelnotfound", "modelnotexist", "unknownmodel"}},
	{code: llm.RateLimit, names: []string{"ratelimit", "resourceexhausted", "toomanyrequests", "throttl", "requestlimitexceeded"}, words: []string{"rate limit exceeded", "rate limit reached", "too many requests"},
		at: func(status int) bool { return isNone(status) || status == http.StatusForbidden }},
	{code: llm.Unavailable, names: []string{"serviceunavailable"}, words: busy, at: isAbout},
	{code: llm.RateLimit, words: []string{"限频", "限流", "请求频率", "过于频繁", "太频繁"}, at: isVague}, // Hunyuan's 400 says "later", too
	{code: llm.Unavailable, words: later, at: isAbout},
	{code: llm.Unavailable, words: busy, at: func(status int) bool { return status == http.StatusTooManyRequests }}, // of everybody, not of this caller
	{code: llm.BadRequest, names: []string{"unsupportedvalue", "unsupportedparameter"},
		words: []string{"raise_exception", "jinja exception", "must alternate", "must be at the beginning", "role not supported", "role should be", "unsupported content", "input is not supported", "unsupported param",
			"failed to parse messages", "failed to parse tools", "failed to parse grammar", "tool call arguments as json", "requires --jinja", "cannot use tools with stream"},
		at: isNone}, // llama.cpp, vLLM and NIM answer 500 where the request does not fit the model
}

// busy are words of servers that have too much to do.
var busy = []string{"too busy", "is busy", "model busy", "server busy", "overloaded", "high demand", "high traffic", "at capacity", "capacity temporarily exceeded", "temporarily unavailable", "繁忙", "访问量过大"}

// later are words of servers that may answer at another moment.
var later = []string{"try again later", "稍后", "failed to load model", "model has crashed"}

// paces are words of limits for a time that is soon over: they are neither
// money nor the size of a request, whatever a server calls them.
var paces = []string{"per minute", "per second", "/ minute", "/minute", "每分钟", "每秒"}

// spent are limits for a time that is long: Bedrock's, Cohere's for trials.
// Whoever says how long to wait beside them means a limit like the others.
var spent = rule{code: llm.Quota, words: []string{"tokens per day", "requests per day", "/ month", "per month"},
	at: isLimit, unless: []string{"again in", "retry in", "retry after", "second"}}

// isRefusal tells whether a status speaks of the request or the account, or may
// stand for anything.
func isRefusal(status int) bool { return status <= http.StatusInternalServerError }

// isLimit tells whether a status speaks of a limit, or is none.
func isLimit(status int) bool { return status == http.StatusTooManyRequests || status == 0 }

// isNone tells whether a status says nothing at all, or is none.
func isNone(status int) bool { return status == 0 || status == http.StatusInternalServerError }

// contexts are what the room for a request is called.
var contexts = []string{"context length", "context size", "context window", "context limit"}

// isAbout tells whether a status speaks of what the request holds, or is none.
// 424 is Bedrock's for what the model itself said of it.
func isAbout(status int) bool {
	return status == 0 || status == 400 || status == 413 || status == 422 || status == 424
}

// beyondContext tells whether a message speaks of a request that is larger
// than the room for it: at a 500, and at a 403 of some servers, words about the
// room may also be about a model that cannot be loaded. A 502 in JSON
// hands on what the server behind a gateway refused.
func (s *said) beyondContext(status int, text string) bool {
	return (isNone(status) || status == http.StatusForbidden || status == http.StatusBadGateway && (s.sure || s.weak)) && wordlist.AnyIn(text, contexts) && !wordlist.AnyIn(text, []string{"memory", "alloc"}) &&
		wordlist.AnyIn(text, []string{"exceed", "too l", "too many", "maximum context", "larger", "longer", "greater", "more than", "less than", "overflow", "beyond", "reached", "does not fit"})
}

// unstated are the rules for failures that come without a status, inside a
// stream or in a 200.
var unstated = []rule{
	{code: llm.Unavailable, names: []string{"overloaded", "servererror", "unavailable", "internal", "timeout", "deadlineexceeded"}},
	{code: llm.Authentication, names: []string{"permission", "unauthenticated", "unauthorized", "forbidden", "accessdenied"},
		words: []string{"unauthorized", "not authorized", "unauthenticated", "not authenticated", "authentication failed", "authentication required", "permission denied",
			"access denied", "access forbidden", "api key required", "api key is required", "missing api key", "no api key", "token expired", "token has expired"}},
	{code: llm.ModelNotFound, names: []string{"notfound"}},
	{code: llm.BadRequest, names: []string{"invalidrequest", "invalidargument", "invalidparam", "paramsinvalid", "badrequest", "failedprecondition", "missingparameter", "validation", "valueerror"},
		words: []string{"invalid request", "validation error", "malformed request"}},
	{code: llm.Quota, words: []string{"out of quota", "payment required", "credits exhausted", "no credits"}},
	{code: llm.RateLimit, words: []string{"rate limit", "rate-limit", "ratelimit", "too many requests", "throttled", "quota exceeded", "exceeded your current quota", "频繁"}},
}

func (r *rule) fits(name, text string, status int) bool {
	return wordlist.AnyIn(name, r.names) || wordlist.AnyIn(text, r.words) && (r.at == nil || r.at(status)) && !wordlist.AnyIn(text, r.unless)
}

// withoutTrace is a message without the source lines of a Python traceback in
// it, of which only the error at its end tells what happened.
func withoutTrace(text string) string {
	at := strings.Index(text, "traceback (most recent call last)")
	if at < 0 {
		return text
	}
	last := max(strings.LastIndex(text, "error: "), strings.LastIndex(text, "exception: "), at)
	return text[:at] + text[strings.LastIndexAny(text[:last+1], " \n\"")+1:]
}

// codeOf is the error table: first what the body says, then the status.
func codeOf(status int, s *said) llm.Code {
	for i := range numbers {
		if numbers[i].shape != s.shape {
			continue
		}
		if code, known := numbers[i].codes.Find(s.code); known {
			return code
		}
	}
	own, _, _ := strings.Cut(s.message, "'input': ") // behind it vLLM repeats the request
	text := withoutTrace(strings.ToLower(own)) + " " + strings.ToLower(s.upstreamSaid)
	if s.notMoney(text) || isLimit(status) && wordlist.AnyIn(text, paces) {
		return llm.RateLimit
	}
	if s.delay <= 0 && spent.fits("", text, status) {
		return spent.code
	}
	for _, word := range []string{s.code, s.reason, s.kind} {
		if code, known := names.Find(plainName(word)); known {
			return code
		}
	}
	name := suggest.Fold(s.code + " " + s.kind + " " + s.reason)
	if saysNothing(name) && isVague(status) { // there are words only
		if code, known := names.Find(nameIn(s.message)); known {
			return code
		}
	}
	for i := range rules {
		if rules[i].fits(name, text, status) {
			return rules[i].code
		}
	}
	switch {
	case s.beyondContext(status, text), isAbout(status) && tooManyTokens(text):
		return llm.ContextLength
	case isRefusal(status) && noMoney(text):
		return llm.Quota
	}
	if s.noModel(status, text) {
		return llm.ModelNotFound
	}
	if status >= 400 {
		return codeOfStatus(status, text, name)
	}
	for i := range unstated {
		if unstated[i].fits(name, text, status) {
			return unstated[i].code
		}
		if i == 0 && len(s.fields) > 0 { // FastAPI's "extra_forbidden" is nobody's key
			return llm.BadRequest
		}
	}
	return llm.Unavailable // an error without a status: inside a stream or a 200
}

// tooManyTokens tells whether a message says, in whatever words, that what was
// sent has more tokens than the model takes. What the model may write is not
// meant: another number in the same request cures that.
func tooManyTokens(text string) bool {
	return strings.Contains(text, "token") &&
		wordlist.AnyIn(text, []string{"input", "prompt", "message", "conversation", "total tokens"}) &&
		wordlist.AnyIn(text, []string{"exceed", "too long", "too large", "too many", "longer than", "larger than", "more than"}) &&
		!wordlist.AnyIn(text, []string{"max_", "output", "completion", "thinking", "budget", "per minute", "per day", "please wait"})
}

// noMoney tells whether a message says, in whatever words, that nothing is left
// to pay with.
func noMoney(text string) bool {
	return wordlist.AnyIn(text, []string{" credit", "balance ", "balance.", " funds"}) &&
		wordlist.AnyIn(text, []string{"not enough", "insufficient", "exhausted", "run out", "ran out", "used up", "depleted", "too low"})
}

// notMoney tells whether a word that means "no money" with other vendors means
// tokens per minute here: DashScope's.
func (s *said) notMoney(text string) bool {
	return suggest.Fold(s.code) == "insufficientquota" && wordlist.AnyIn(text, []string{"aliyun", "alibaba", "allocated quota"})
}

// plainName is a name without the namespaces of AWS: in front of "#" and
// behind ":".
func plainName(word string) string {
	if _, after, ok := strings.Cut(word, "#"); ok {
		word = after
	}
	word, _, _ = strings.Cut(word, ":")
	return suggest.Fold(word)
}
