package vendor

import "github.com/llmagg/llmagg/core/wire"

// presets are the vendors that speak OpenAI's format at addresses of their own.
// A vendor is added by a row here; docs/vendors.md is checked against them. A
// row begins with the vendor's name, its address and the variables of its key;
// the first site is the default one.
var presets = []Vendor{
	// Vendors of China.
	{name: "qwen", embedTexts: 10, others: wire.DashScope, aliases: "dashscope", baseURL: "https://dashscope.aliyuncs.com/compatible-mode/v1", keys: "DASHSCOPE_API_KEY QWEN_API_KEY", quirks: &qwenQuirks,
		site: "cn", messages: "https://dashscope.aliyuncs.com/apps/anthropic", sites: []Site{
			{Name: "intl", BaseURL: "https://dashscope-intl.aliyuncs.com/compatible-mode/v1", Messages: "https://dashscope-intl.aliyuncs.com/apps/anthropic"},
			{Name: "us", BaseURL: "https://dashscope-us.aliyuncs.com/compatible-mode/v1"},
		}},
	{name: "moonshot", aliases: "kimi", baseURL: "https://api.moonshot.cn/v1", keys: "MOONSHOT_API_KEY KIMI_API_KEY", quirks: &moonshotQuirks,
		site: "cn", messages: "https://api.moonshot.cn/anthropic", sites: []Site{
			{Name: "intl", BaseURL: "https://api.moonshot.ai/v1", Messages: "https://api.moonshot.ai/anthropic"},
		}},
	{name: "zhipu", embedTexts: 64, aliases: "bigmodel glm", baseURL: "https://open.bigmodel.cn/api/paas/v4", keys: "ZHIPUAI_API_KEY ZHIPU_API_KEY GLM_API_KEY", quirks: &zhipuQuirks,
		sdkVariable: "ZHIPUAI_BASE_URL", site: "cn", messages: "https://open.bigmodel.cn/api/anthropic", sites: []Site{
			{Name: "intl", BaseURL: "https://api.z.ai/api/paas/v4", Messages: "https://api.z.ai/api/anthropic", Keys: "ZAI_API_KEY"},
			{Name: "coding", BaseURL: "https://open.bigmodel.cn/api/coding/paas/v4"},
		}},
	{name: "zai", embedTexts: 64, baseURL: "https://api.z.ai/api/paas/v4", keys: "ZAI_API_KEY", quirks: &zhipuQuirks, sdkVariable: "ZAI_BASE_URL",
		site: "intl", messages: "https://api.z.ai/api/anthropic", sites: []Site{
			{Name: "cn", BaseURL: "https://open.bigmodel.cn/api/paas/v4", Messages: "https://open.bigmodel.cn/api/anthropic", Keys: "ZHIPUAI_API_KEY ZHIPU_API_KEY GLM_API_KEY"},
			{Name: "coding", BaseURL: "https://api.z.ai/api/coding/paas/v4"},
		}},
	{name: "volcengine", aliases: "ark doubao", baseURL: "https://ark.cn-beijing.volces.com/api/v3", keys: "ARK_API_KEY VOLCENGINE_API_KEY", quirks: &arkQuirks,
		site: "cn", sites: []Site{{Name: "intl", BaseURL: "https://ark.ap-southeast.bytepluses.com/api/v3"}}},
	{name: "minimax", baseURL: "https://api.minimaxi.com/v1", keys: "MINIMAX_API_KEY", quirks: &minimaxQuirks,
		site: "cn", messages: "https://api.minimaxi.com/anthropic", sites: []Site{
			{Name: "intl", BaseURL: "https://api.minimax.io/v1", Messages: "https://api.minimax.io/anthropic"},
		}},
	{name: "siliconflow", baseURL: "https://api.siliconflow.cn/v1", keys: "SILICONFLOW_API_KEY", quirks: &siliconflowQuirks,
		site: "cn", sites: []Site{{Name: "intl", BaseURL: "https://api.siliconflow.com/v1"}}},
	{name: "qianfan", aliases: "baidu", baseURL: "https://qianfan.baidubce.com/v2", keys: "QIANFAN_API_KEY"},
	{name: "hunyuan", aliases: "tencent", baseURL: "https://api.hunyuan.cloud.tencent.com/v1", keys: "HUNYUAN_API_KEY", concurrent: 5,
		site: "cn", sites: []Site{{Name: "tokenhub", BaseURL: "https://tokenhub.tencentmaas.com/v1", Keys: "TENCENT_API_KEY"}}},
	{name: "stepfun", baseURL: "https://api.stepfun.com/v1", keys: "STEPFUN_API_KEY", quirks: &oldLimit},
	{name: "baichuan", baseURL: "https://api.baichuan-ai.com/v1", keys: "BAICHUAN_API_KEY", quirks: &oldLimit},
	{name: "yi", baseURL: "https://api.lingyiwanwu.com/v1", keys: "YI_API_KEY", quirks: &oldLimit},
	{name: "spark", baseURL: "https://spark-api-open.xf-yun.com/v1", keys: "SPARK_API_KEY", quirks: &oldLimit},
	{name: "modelscope", baseURL: "https://api-inference.modelscope.cn/v1", keys: "MODELSCOPE_API_KEY", quirks: &oldLimit},
	{name: "xiaomi", aliases: "mimo", baseURL: "https://api.xiaomimimo.com/v1", keys: "XIAOMI_MIMO_API_KEY MIMO_API_KEY XIAOMI_API_KEY"},

	// Vendors elsewhere.
	{name: "groq", baseURL: "https://api.groq.com/openai/v1", root: "/openai/v1", keys: "GROQ_API_KEY", quirks: &groqQuirks, sdkVariable: "GROQ_BASE_URL"},
	{name: "mistral", baseURL: "https://api.mistral.ai/v1", root: "/v1", keys: "MISTRAL_API_KEY", sdkVariable: "MISTRAL_BASE_URL", sdkWhole: true, quirks: &mistralQuirks, noUsage: true},
	{name: "xai", baseURL: "https://api.x.ai/v1", root: "/v1", keys: "XAI_API_KEY"},
	{name: "openrouter", tellsCost: true, baseURL: "https://openrouter.ai/api/v1", root: "/api/v1", keys: "OPENROUTER_API_KEY", sdkVariable: "OPENROUTER_BASE_URL", sdkWhole: true, messages: "https://openrouter.ai/api"},
	{name: "together", baseURL: "https://api.together.ai/v1", root: "/v1", keys: "TOGETHER_API_KEY TOGETHERAI_API_KEY", hosts: []string{"api.together.ai", "api.together.xyz"}},
	{name: "fireworks", baseURL: "https://api.fireworks.ai/inference/v1", root: "/inference/v1", keys: "FIREWORKS_API_KEY FIREWORKS_AI_API_KEY",
		messages: "https://api.fireworks.ai/inference"},
	{name: "cerebras", baseURL: "https://api.cerebras.ai/v1", root: "/v1", keys: "CEREBRAS_API_KEY", quirks: &cerebrasQuirks},
	{name: "deepinfra", baseURL: "https://api.deepinfra.com/v1/openai", keys: "DEEPINFRA_API_KEY"},
	{name: "nebius", baseURL: "https://api.studio.nebius.ai/v1", keys: "NEBIUS_API_KEY"},
	{name: "novita", baseURL: "https://api.novita.ai/v3/openai", keys: "NOVITA_API_KEY"},
	{name: "sambanova", baseURL: "https://api.sambanova.ai/v1", keys: "SAMBANOVA_API_KEY"},
	{name: "perplexity", tellsCost: true, baseURL: "https://api.perplexity.ai", keys: "PERPLEXITY_API_KEY PERPLEXITYAI_API_KEY", quirks: &perplexityQuirks},
	{name: "nvidia", others: wire.NVIDIA, baseURL: "https://integrate.api.nvidia.com/v1", keys: "NVIDIA_API_KEY NVIDIA_NIM_API_KEY"},
	{name: "github", baseURL: "https://models.github.ai/inference", keys: "GITHUB_TOKEN", sdkVariable: noVariable},
	{name: "huggingface", baseURL: "https://router.huggingface.co/v1", keys: "HF_TOKEN"},
	{name: "cohere", embedTexts: 96, others: wire.Cohere, baseURL: "https://api.cohere.ai/compatibility/v1", keys: "COHERE_API_KEY CO_API_KEY", quirks: &cohereQuirks},
	{name: "jina", others: wire.Jina, baseURL: "https://api.jina.ai/v1", keys: "JINA_API_KEY"},
	{name: "voyage", embedTexts: 1000, others: wire.Voyage, baseURL: "https://api.voyageai.com/v1", keys: "VOYAGE_API_KEY"},

	// Servers on one's own machine.
	{name: "vllm", baseURL: "http://localhost:8000/v1", keys: "VLLM_API_KEY", local: true, messages: "http://localhost:8000"},
	{name: "lmstudio", baseURL: "http://localhost:1234/v1", keys: "LMSTUDIO_API_KEY", local: true, quirks: &lmstudioQuirks},
	{name: "llamacpp", baseURL: "http://localhost:8080/v1", keys: "LLAMACPP_API_KEY", local: true},
	{name: "llamafile", baseURL: "http://localhost:8080/v1", local: true},
	{name: "xinference", baseURL: "http://localhost:9997/v1", keys: "XINFERENCE_API_KEY", local: true},
}

// The quirks of presets, as their vendors' API references tell them.

// oldLimit is of vendors that know the older name of the limit only.
var oldLimit = wire.Quirks{OnlyMaxTokens: true}

var (
	qwenQuirks = wire.Quirks{Lacks: []string{"logit_bias"}, OnlyMaxTokens: true, Choice: "required>auto", Effort: wire.EffortBudget}

	moonshotQuirks = wire.Quirks{Choice: "required>auto", Clamps: []wire.Bounds{{Field: "temperature", Least: 0, Most: 1}}, Effort: wire.EffortSwitch,
		EveryThought: `" "`, Turns: wire.Filled}

	zhipuQuirks = wire.Quirks{Lacks: []string{"seed", "presence_penalty", "frequency_penalty", "logit_bias", "top_logprobs", "parallel_tool_calls"},
		OnlyMaxTokens: true, Renames: "user:user_id", Choice: "required>auto tool>auto",
		Clamps: []wire.Bounds{{Field: "temperature", Least: 0, Most: 1}, {Field: "top_p", Least: 0.01, Most: 1}},
		Shape:  wire.Choices | wire.Logprobs, Effort: wire.EffortSwitch, Schema: wire.ByJSONMode}

	arkQuirks = wire.Quirks{Effort: wire.EffortSwitch}

	minimaxQuirks = wire.Quirks{Clamps: []wire.Bounds{{Field: "temperature", Least: 0.01, Most: 1}}, Adds: [2]string{"reasoning_split", "true"},
		Turns: wire.OneSystem, WholeTools: true}

	siliconflowQuirks = wire.Quirks{OnlyMaxTokens: true, Effort: wire.EffortBudget}

	groqQuirks = wire.Quirks{Lacks: []string{"logit_bias", "top_logprobs"}, Shape: wire.Choices | wire.Logprobs}

	mistralQuirks = wire.Quirks{Lacks: []string{"user", "logit_bias", "top_logprobs"}, OnlyMaxTokens: true, Renames: "seed:random_seed",
		Choice: "required:any", ToolIDs: 9, Shape: wire.Logprobs}

	cerebrasQuirks = wire.Quirks{Lacks: []string{"presence_penalty", "frequency_penalty", "logit_bias"}}

	perplexityQuirks = wire.Quirks{Shape: wire.Tools, Turns: wire.OneSystem | wire.Alternate}

	cohereQuirks = wire.Quirks{Lacks: []string{"logit_bias", "top_logprobs", "metadata", "parallel_tool_calls", "store", "service_tier", "prediction"},
		Shape: wire.Choices | wire.Spoken}

	lmstudioQuirks = wire.Quirks{Schema: wire.BySchema}
)
