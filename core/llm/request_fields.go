package llm

import (
	"slices"
	"strings"

	"github.com/llmagg/llmagg/core/internal/setting"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/internal/suggest"
	"github.com/llmagg/llmagg/core/internal/wordlist"
)

type requestField struct {
	name string
	kind fieldKind
}

// requestFieldList are the fields that [Request] has (OpenAI API reference,
// "Create chat completion").
var requestFieldList = []requestField{
	{"model", kindString}, {"messages", kindArray}, {"max_tokens", kindInteger}, {"max_completion_tokens", kindInteger},
	{"temperature", kindNumber}, {"top_p", kindNumber}, {"n", kindInteger}, {"seed", kindInteger},
	{"stop", kindStringOrArray}, {"presence_penalty", kindNumber}, {"frequency_penalty", kindNumber},
	{"logprobs", kindBool}, {"top_logprobs", kindInteger}, {"logit_bias", kindObject}, {"tools", kindArray},
	{"tool_choice", kindStringOrObject}, {"parallel_tool_calls", kindBool}, {"functions", kindArray},
	{"function_call", kindStringOrObject}, {"response_format", kindObject}, {"reasoning_effort", kindString},
	{"stream", kindBool}, {"stream_options", kindObject}, {"user", kindString}, {"metadata", kindObject},
}

// vendorFieldList are further fields of OpenAI's, whose types are documented,
// and OpenRouter's provider.
var vendorFieldList = []requestField{
	{"audio", kindObject}, {"modalities", kindArray}, {"prediction", kindObject}, {"service_tier", kindString}, {"store", kindBool},
	{"verbosity", kindString}, {"web_search_options", kindObject}, {"safety_identifier", kindString}, {"prompt_cache_key", kindString},
	{"prompt_cache_retention", kindString}, {"prompt_cache_options", kindObject}, {"provider", kindObject},
}

// ambiguousFields are fields of vendors whose names look like options of ours:
// among the options of a call they are refused.
const ambiguousFields wordlist.List = "models route options usage"

// vendorFieldWords are further fields that servers are known to take; they pass
// as they are. A name that is not here passes, too, unless it is so near to a
// known one that it is a slip; "extra_body" takes every name. They are grouped
// by who documents the names first.
const vendorFieldWords wordlist.List = `
top_k min_p repetition_penalty length_penalty best_of use_beam_search early_stopping stop_token_ids
include_stop_str_in_output ignore_eos min_tokens max_new_tokens skip_special_tokens spaces_between_special_tokens
truncate_prompt_tokens prompt_logprobs add_generation_prompt continue_final_message add_special_tokens documents chat_template
chat_template_kwargs mm_processor_kwargs guided_json guided_regex guided_choice guided_grammar guided_decoding_backend
guided_whitespace_pattern structural_tag structured_outputs priority request_id return_tokens_as_token_ids return_token_ids
logits_processors cache_salt kv_transfer_params vllm_xargs echo allowed_token_ids bad_words lora_path suffix prompt
regex ebnf json_schema no_stop_trim separate_reasoning stream_reasoning return_hidden_states rid custom_logit_processor custom_params

grammar n_predict n_keep n_probs n_indent cache_prompt id_slot slot_id mirostat mirostat_tau mirostat_eta mirostat_lr mirostat_target
typical_p tfs_z dynatemp_range dynatemp_exponent xtc_probability xtc_threshold dry_multiplier dry_base dry_allowed_length
dry_penalty_last_n dry_sequence_breakers samplers repeat_penalty repeat_last_n penalize_nl image_data t_max_predict_ms
timings_per_token post_sampling_probs reasoning_format reasoning_budget thinking_forced_open parse_tool_calls return_progress lora
options keep_alive think format num_ctx num_predict raw template ttl draft_model

thinking enable_thinking thinking_budget preserve_thinking enable_search search_options incremental_output result_format
enable_code_interpreter vl_high_resolution_images translation_options asr_options do_sample tool_stream user_id
sensitive_word_check watermark_enabled prefix partial caching encrypted disable_search enable_citation penalty_score web_search
mask_sensitive_info reasoning_split tokens_to_generate

safe_prompt random_seed prompt_mode include_reasoning search_settings compound_custom citation_options
disable_tool_validation exclude_domains include_domains disable_reasoning clear_thinking
models route transforms plugins usage reasoning top_a debug trace session_id image_config cache_control include
search_domain_filter search_recency_filter search_mode search_after_date_filter search_before_date_filter
last_updated_after_filter last_updated_before_filter enable_search_classifier return_images return_citations
return_related_questions media_response image_domain_filter image_format_filter language_preference
search_parameters deferred safety_model context_length_exceeded_behavior compliance prompt_truncate_len
perf_metrics_in_response raw_output speculation prompt_cache_isolation_key prompt_cache_max_len
data_sources enhancements user_security_context google safety_settings cached_content thinking_config generation_config
stop_sequences betas container mcp_servers output_config citation_quality safety_mode connectors raw_prompting p k
strict_tools decoder_input_details details watermark adapter_id tool_prompt nvext guardrails guardrail_config diffusing
truncation moderation inference_geo speed
guardrailConfig performanceConfig promptVariables additionalModelRequestFields additionalModelResponseFieldPaths serviceTier outputConfig projectIdentifier
`

// requestFieldOf is the field of [Request] that has this name; nil where there
// is none.
func requestFieldOf(name string) *requestField { return fieldIn(requestFieldList, name) }

func fieldIn(list []requestField, name string) *requestField {
	for i := range list {
		if list[i].name == name {
			return &list[i]
		}
	}
	return nil
}

// kindOf is the kind of a field of requests, or of one of a vendor, and whether
// it is one.
func kindOf(name string) (kind fieldKind, known bool) {
	for _, list := range [...][]requestField{requestFieldList, vendorFieldList} {
		if f := fieldIn(list, name); f != nil {
			return f.kind, true
		}
	}
	return kindAny, vendorFieldWords.Has(name)
}

var requestFieldNames = namesOf(requestFieldList)

func namesOf(list []requestField) []string {
	names := make([]string, len(list))
	for i, f := range list {
		names[i] = f.name
	}
	return names
}

// vendorFieldNames lists the names of all vendors' fields.
func vendorFieldNames() []string {
	names := append(namesOf(vendorFieldList), vendorFieldWords.Words()...)
	slices.Sort(names)
	return names
}

// RequestSettings is the table of a request's fields that are passed on without
// "extra_body": those of chat completions and those of well-known vendors.
func RequestSettings() []setting.Setting {
	var table []setting.Setting
	for _, f := range requestFieldList {
		table = append(table, setting.Setting{Name: f.name, Type: kindText[f.kind]})
	}
	for _, name := range vendorFieldNames() {
		if !ambiguousFields.Has(name) {
			kind, _ := kindOf(name)
			table = append(table, setting.Setting{Name: name, Type: kindText[kind]})
		}
	}
	return table
}

// OfCall tells whether a name is an option of a call or a field of a request.
func OfCall(name string) bool {
	return callSettingOf(name) != nil || isRequestField(name)
}

// isRequestField tells whether a name is a field of requests, or one of a
// vendor.
func isRequestField(name string) bool {
	_, known := kindOf(name)
	return known
}

// checkForeign judges a field that [Request] does not have. One of a vendor
// passes; an option of the call, a key of the configuration, and a slip in a
// known name are refused, since a server would pass over them in silence.
func checkForeign(name string, v []byte) error {
	kind, known := kindOf(name)
	if form := kind.expects(v); form != "" && v[0] != 'n' {
		return Errorf(InvalidArgument, "request field %q is %s; expected %s", name, shown.Value(v), form)
	}
	if known {
		return nil
	}
	if err := checkPlace(name); err != nil {
		return err
	}
	if err := checkSystem(name); err != nil && name != "instructions" { // which the Responses API has
		return err
	}
	what, few := "unknown request field "+shown.Name(name), suggest.Slips(name)
	if best := suggest.Nearest(name, callOptionNames, few); best != "" {
		return Errorf(InvalidArgument, "%s; did you mean %q, an option of the call? (server-specific fields go into \"extra_body\")", what, best)
	}
	if best := suggest.Nearest(name, requestFieldNames, few); best != "" {
		return Errorf(InvalidArgument, "%s; did you mean %q? (server-specific fields go into \"extra_body\")", what, best)
	}
	return checkFailover(name)
}

// systemNames are what other APIs call the text that a system message has here,
// folded.
const systemNames wordlist.List = "system systemprompt systemmessage systeminstruction systeminstructions instruction instructions preamble"

// checkSystem refuses a field for the system's text.
func checkSystem(name string) error {
	if !systemNames.Has(suggest.Fold(name)) {
		return nil
	}
	return Errorf(InvalidArgument, "%s is no field of a chat; put the text into a message: {\"role\": \"system\", \"content\": …}, the first of \"messages\" (server-specific fields go into \"extra_body\")", shown.Name(name))
}

// checkFailover refuses what other libraries call a list of models to fall back
// on.
func checkFailover(name string) error {
	if !suggest.Means(name, "models") {
		return nil
	}
	return Errorf(InvalidArgument, "unknown request field %s; for failover, list the routes in the \"models\" of an aggregator (server-specific fields go into \"extra_body\")", shown.Name(name))
}

// checkPlace refuses an option of the call and a key of the configuration among
// the fields of a request.
func checkPlace(name string) error {
	if callSettingOf(name) != nil {
		return Errorf(InvalidArgument, "request field %q is an option of the call; put it into the call's options", name)
	}
	if key := suggest.Nearest(name, onlyConfigNames, 0); key != "" {
		return Errorf(InvalidArgument, "unknown request field %s; %q belongs in the configuration of a model and is never sent", shown.Name(name), key)
	}
	return nil
}

// onlyConfigNames are keys of the configuration that must not go to a server.
var onlyConfigNames = []string{"api_key", "base_url", "proxy", "ca_file", "organization", "max_concurrent_calls",
	"idle_timeout", "reader_timeout", "connect_timeout", "breaker"}

// isConfigKey tells whether a name is probably meant as a key of a model's
// configuration, which core/config holds; a test there has all in groups.
func isConfigKey(name string) bool {
	if group, _, inGroup := strings.Cut(name, "."); inGroup {
		return slices.Contains(configGroups, group)
	}
	return name == "type" || name != "breaker" && slices.Contains(onlyConfigNames, name)
}

var configGroups = []string{"auth", "price", "breaker", "retry", "rate", "limits", "fleet", "bulk"}
