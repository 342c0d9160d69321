package faultwall

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/url"
	"strings"

	"github.com/llmagg/llmagg/core/llm"
)

// bedrock is the wire format of Amazon Bedrock's Converse API, as documented in
// its reference ("Converse", "ConverseStream"), its streams in AWS's binary
// event stream encoding.
type bedrock struct{}

var _ dialect = bedrock{}

// bedrockSignature is the signature of the wall's thoughts.
const bedrockSignature = "d2FsbC1iZWRyb2Nr"

func (bedrock) whole(a *content) any {
	m := object("output", object("message", object("role", "assistant", "content", bedrockBlocks(a))), "metrics", object("latencyMs", 1))
	if a.finish != "" {
		m["stopReason"] = bedrockReason(a.finish)
	}
	if usage := bedrockUsage(a.usage); usage != nil {
		m["usage"] = usage
	}
	return withExtra(m, a.extra)
}

// bedrockBlocks are the blocks of an answer: thoughts, text, calls.
func bedrockBlocks(a *content) []map[string]any {
	blocks := []map[string]any{}
	if a.reasoning != "" {
		blocks = append(blocks, object("reasoningContent", object("reasoningText", object("text", a.reasoning, "signature", bedrockSignature))))
	}
	if text := a.text + a.refusal; text != "" {
		blocks = append(blocks, object("text", text))
	}
	for i := range a.calls {
		blocks = append(blocks, object("toolUse", object("toolUseId", callID(&a.calls[i], i, "tooluse"), "name", a.calls[i].Name, "input", argumentsObject(a.calls[i].arguments()))))
	}
	return blocks
}

func (bedrock) chunk(_ *content, d delta) any {
	return object("contentBlockIndex", 0, "delta", object("text", d.said()))
}

// deltas: messageStart, each block with its pieces, messageStop with the
// reason, metadata with the usage.
func (bedrock) deltas(_ *call, s *Step, a *content) []delta {
	var all []delta
	put := func(name string, event map[string]any) {
		event["p"] = "abcdefgh" // padding against guessing by length
		all = append(all, delta{name: name, event: withExtra(event, a.extra)})
	}
	put("messageStart", object("role", "assistant"))
	index := 0
	block := func(start map[string]any, pieces ...map[string]any) {
		if start != nil { // texts have none
			put("contentBlockStart", object("contentBlockIndex", index, "start", start))
		}
		for _, piece := range pieces {
			put("contentBlockDelta", object("contentBlockIndex", index, "delta", piece))
		}
		put("contentBlockStop", object("contentBlockIndex", index))
		index++
	}
	if a.reasoning != "" {
		var pieces []map[string]any
		for _, text := range s.split(a.reasoning) {
			pieces = append(pieces, object("reasoningContent", object("text", text)))
		}
		block(nil, append(pieces, object("reasoningContent", object("signature", bedrockSignature)))...)
	}
	if text := a.text + a.refusal; text != "" {
		var pieces []map[string]any
		for _, text := range s.split(text) {
			pieces = append(pieces, object("text", text))
		}
		block(nil, pieces...)
	}
	for i := range a.calls {
		var pieces []map[string]any
		for _, text := range s.split(a.calls[i].arguments()) {
			pieces = append(pieces, object("toolUse", object("input", text)))
		}
		block(object("toolUse", object("toolUseId", callID(&a.calls[i], i, "tooluse"), "name", a.calls[i].Name)), pieces...)
	}
	if a.finish == "" {
		return all
	}
	put("messageStop", object("stopReason", bedrockReason(a.finish)))
	if s.ends() {
		end := object("metrics", object("latencyMs", 1))
		if usage := bedrockUsage(a.usage); usage != nil {
			end["usage"] = usage
		}
		put("metadata", end)
	}
	return all
}

// bedrockReason translates OpenAI's finish reasons: Claude's words, but for a
// filter's.
func bedrockReason(reason string) string {
	if reason == "content_filter" {
		return "guardrail_intervened"
	}
	return anthropicReason(reason)
}

// bedrockUsage renames OpenAI's fields; a usage without them stays as it is.
func bedrockUsage(usage json.RawMessage) any {
	return renamed(usage, map[string]string{"prompt_tokens": "inputTokens", "completion_tokens": "outputTokens", "total_tokens": "totalTokens"})
}

// bedrockErrors are the types of errors by status (API reference, "Converse",
// errors).
const bedrockErrors = `400||ValidationException|
403||AccessDeniedException|
404||ResourceNotFoundException|
408||ModelTimeoutException|
424||ModelErrorException|
429||ThrottlingException|
500||InternalServerException|
503||ServiceUnavailableException|
`

// bedrockFailure is the body of an error; its type goes into a header.
type bedrockFailure struct {
	Message string `json:"message"`
	kind    string
}

func (bedrock) failure(status int, model string) any {
	message := statusText(status)
	if status == 404 {
		message = "The requested model " + model + " was not found."
	}
	return &bedrockFailure{Message: message, kind: cmp.Or(failureOf(bedrockErrors, status).kind, "InternalServerException")}
}

func (bedrock) list(models []string) any { return anthropic{}.list(models) }

// modelBefore is MODEL in …/model/MODEL/METHOD, where it is escaped.
func modelBefore(u *url.URL, method string) (model string, ok bool) {
	path, ok := strings.CutSuffix(u.EscapedPath(), "/"+method)
	at := strings.LastIndex(path, "/model/")
	if !ok || at < 0 {
		return "", false
	}
	model, err := url.PathUnescape(path[at+len("/model/"):])
	return model, err == nil
}

func (c *call) readBedrock(model string, stream bool) *Step {
	c.dialect = bedrock{}
	c.kind, c.model, c.stream, c.includeUsage = KindChat, model, stream, true
	var fields struct {
		Messages []struct {
			Role    string           `json:"role"`
			Content []map[string]any `json:"content"`
		} `json:"messages"`
		ToolConfig any `json:"toolConfig"`
	}
	if err := llm.JSON.Unmarshal(c.body, &fields); err != nil || len(fields.Messages) == 0 {
		return awsRefusal(http.StatusBadRequest, "ValidationException", "The provided request is not valid")
	}
	for i, m := range fields.Messages {
		if (m.Role == "user") != (i%2 == 0) {
			return awsRefusal(http.StatusBadRequest, "ValidationException", "A conversation must start with a user message and alternate between user and assistant roles.")
		}
		for j, block := range m.Content {
			_, call := block["toolUse"]
			_, result := block["toolResult"]
			switch {
			case (call || result) && fields.ToolConfig == nil:
				return awsRefusal(http.StatusBadRequest, "ValidationException", "The toolConfig field must be defined when using toolUse and toolResult content blocks.")
			case block["text"] == "":
				return awsRefusal(http.StatusBadRequest, "ValidationException", fmt.Sprintf("The text field in the ContentBlock object at messages.%d.content.%d is blank. Add text to the text field, and try again.", i, j))
			}
		}
	}
	return nil
}

// awsRefusal is an error of AWS's front.
func awsRefusal(status int, kind, message string) *Step {
	return &Step{Status: status, Headers: Headers{"X-Amzn-Errortype": {kind}}, Body: object("message", message)}
}

// awsFrame is one message of AWS's event stream encoding. A name that ends with
// "Exception" makes it one; without a name it is a piece of a text.
func awsFrame(name, payload string) []byte {
	name = cmp.Or(name, "contentBlockDelta")
	var headers []byte
	put := func(name, value string) {
		headers = append(append(headers, byte(len(name))), name...)
		headers = binary.BigEndian.AppendUint16(append(headers, 7), uint16(len(value))) // 7: a string
		headers = append(headers, value...)
	}
	kind, field := "event", ":event-type"
	if strings.HasSuffix(name, "Exception") {
		kind, field = "exception", ":exception-type"
	}
	put(field, name)
	put(":content-type", "application/json")
	put(":message-type", kind)
	out := binary.BigEndian.AppendUint32(nil, uint32(16+len(headers)+len(payload)))
	out = binary.BigEndian.AppendUint32(out, uint32(len(headers)))
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
	out = append(append(out, headers...), payload...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
}
