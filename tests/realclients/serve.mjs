// The official OpenAI SDK of Node against `llmagg serve`: see test_serve.py. Prints the name of each case that went well.
import assert from "node:assert/strict";
import OpenAI from "openai";

const client = new OpenAI();
const messages = [{ role: "user", content: "hi" }];

const { data, response } = await client.chat.completions.create({ model: "auto", messages }).withResponse();
assert.equal(data.choices[0].message.content, "Hello from good.");
assert.equal(data.usage.total_tokens, 12);
assert.equal(response.headers.get("x-llmagg-route"), "shop/good");
console.log("chat");

let text = "";
let last;
for await (const chunk of await client.chat.completions.create({
  model: "auto", messages, stream: true, stream_options: { include_usage: true },
})) {
  text += chunk.choices[0]?.delta.content ?? "";
  last = chunk;
}
assert.equal(text, "Hello from good.");
assert.equal(last.usage.total_tokens, 12);
assert.equal(last.llmagg.route, "shop/good");
console.log("stream");

const tools = [{ type: "function", function: { name: "look", parameters: { type: "object" } } }];
const whole = await client.chat.completions.stream({ model: "shop/calls", messages, tools }).finalChatCompletion();
assert.equal(whole.choices[0].message.tool_calls[0].function.name, "look");
assert.deepEqual(JSON.parse(whole.choices[0].message.tool_calls[0].function.arguments), { a: [1, "b"] });
console.log("tools");

const vectors = await client.embeddings.create({ model: "shop/good", input: ["a", "b"] });
assert.equal(vectors.data.length, 2);
assert.equal(vectors.data[0].embedding.length, 8);
console.log("embeddings");

const names = [];
for await (const model of client.models.list()) names.push(model.id);
assert.equal(names[0], "auto");
console.log("models");

const wrong = new OpenAI({ apiKey: "wrong" });
await assert.rejects(wrong.models.list(), OpenAI.AuthenticationError);
await assert.rejects(client.chat.completions.create({ model: "nobody", messages }), OpenAI.NotFoundError);
await assert.rejects(client.chat.completions.create({ model: "shop/down", messages }), OpenAI.InternalServerError);
console.log("errors");

await assert.rejects(async () => {
  for await (const _ of await client.chat.completions.create({ model: "shop/breaks", messages, stream: true }));
}, OpenAI.APIError);
console.log("break");

const stream = await client.chat.completions.create({ model: "auto", messages, stream: true });
for await (const _ of stream) break; // which closes the connection
console.log("abort");
