package vendor

import (
	"regexp"
	"strings"
)

// language is what the page of the vendors says in one language.
type language struct {
	file, head, otherwise string
	comma, semicolon      string
	texts                 map[string]string // by the English text; nil for English
	missing               []string
}

var english = &language{
	file:      "../../docs/vendors.md",
	head:      "| vendor | address | sites | key variables | format | tried |\n|---|---|---|---|---|---|\n",
	otherwise: "| vendor | difference from OpenAI |\n|---|---|\n",
	comma:     ", ", semicolon: "; ",
}

var chinese = &language{
	file:      "../../docs/vendors.zh.md",
	head:      "| 服务商 | 地址 | 站点 | 密钥变量 | 格式 | 试验 |\n|---|---|---|---|---|---|\n",
	otherwise: "| 服务商 | 与 OpenAI 的差异 |\n|---|---|\n",
	comma:     "、", semicolon: "；",
	texts: map[string]string{
		"left out: `%s`": "省略：`%s`",
		"`max_completion_tokens` is sent as `max_tokens`": "`max_completion_tokens` 作为 `max_tokens` 发送",
		"`%s` is sent as `%s`":                            "`%s` 作为 `%s` 发送",
		"`tool_choice` %s is sent as `%s`":                "`tool_choice` 为 %s 时作为 `%s` 发送",
		"that names a tool":                               "某个工具的名称",
		"`%s` is limited to the range from %v to %v":      "`%s` 限制在 %v 到 %v 之间",
		"ids of tool calls have %d letters and digits; other ids are replaced, alike in calls and results": "工具调用的 id 由 %d 个字母和数字组成；其他 id 会被替换，调用和结果中一致",
		"`%s` is added with the value `%s`":                                  "加上 `%s`，值为 `%s`",
		"`reasoning_effort` is sent as `%s`":                                 "`reasoning_effort` 作为 `%s` 发送",
		"` and `":                                                            "` 和 `",
		"a JSON schema is requested by %s":                                   "JSON schema %s",
		"JSON mode with the schema in the prompt":                            "用 JSON 模式请求，schema 写在提示中",
		"schema of any object":                                               "任意对象的 schema",
		"JSON mode is requested by a schema of any object":                   "JSON 模式以任意对象的 schema 请求",
		"instructions are sent as one message, the first":                    "指令合并为第一条消息发送",
		"messages of one role in a row are sent as one":                      "同一角色的连续消息合并为一条发送",
		"empty answers of the history are left out":                          "省略历史中的空回答",
		"in a history with tool calls, each answer gets `reasoning_content`": "含工具调用的历史中，每个回答都加上 `reasoning_content`",
		"a request for %s goes to the next route":                            "要求 %s 的请求转到下一条路由",
		"`n`":        "`n`",
		"`logprobs`": "`logprobs`",
		"audio":      "音频",
		"tools":      "工具",
		"a schema":   "schema",
	},
}

var betweenHan = regexp.MustCompile(`(\p{Han}) (\p{Han})`)

// tidy leaves out spaces between Chinese characters.
func (l *language) tidy(text string) string {
	return betweenHan.ReplaceAllString(text, "$1$2")
}

// of gives a text in the language.
func (l *language) of(text string) string {
	if l.texts == nil || text == "" {
		return text
	}
	translated, ok := l.texts[text]
	if !ok {
		l.missing = append(l.missing, text)
	}
	return translated
}

// ofTried are the words of the column "tried"; longer ones come first.
var ofTried = strings.NewReplacer(
	"wall: requests and failures", "测试服务器：请求与失败",
	"wall: failures and rankings", "测试服务器：失败与排序",
	"wall: vectors, rankings and failures", "测试服务器：向量、排序与失败",
	"wall: vectors and rankings", "测试服务器：向量与排序",
	"wall: requests", "测试服务器：请求",
	"wall: failures", "测试服务器：失败",
	"wall: rankings", "测试服务器：排序",
	"wall", "测试服务器", "server: ", "真实服务器：", "nothing", "未试", "SDK: ", "SDK：",
	"chat completions and Responses)", "chat completions 与 Responses）",
	"Converse; vectors of Titan and Cohere)", "Converse；Titan 与 Cohere 的向量）", "chats and vectors)", "对话与向量）",
	"; ", "；", ", ", "，", " (", "（", "))", ")）",
)

var untranslated = regexp.MustCompile(`\b(wall|server|nothing|requests|failures|rankings|vectors|and)\b`)

// tried gives a cell of the column in the language.
func (l *language) tried(cell string) string {
	if l.texts == nil {
		return cell
	}
	text := ofTried.Replace(cell)
	if untranslated.MatchString(regexp.MustCompile("`[^`]*`").ReplaceAllString(text, "")) {
		l.missing = append(l.missing, cell)
	}
	return text
}
