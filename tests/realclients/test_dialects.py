"""The vendors' own SDKs, against the fault wall's dialects: what the wall says in a vendor's format, the vendor's client must read.

A case that the SDK reads otherwise than the wall means it shows that the wall, which all other tests trust, is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator

import anthropic
import ollama
import openai
import pytest
from google import genai
from google.genai import errors, types

from llmagg.faultwall import FaultWall

ANSWER = {"text": "one two three", "tool_calls": [{"name": "look", "arguments": {"a": [1, "b"]}}]}
SCRIPT = {
    "models": {
        "plain": {"steps": [{"text": "one two three"}], "after": "repeat_last"},
        "calls": {"steps": [ANSWER], "after": "repeat_last"},
        "thinks": {"steps": [{"text": "one two three", "reasoning": "let me see"}], "after": "repeat_last"},
        "busy": {"steps": [{"status": 529}], "after": "repeat_last"},
        "limited": {"steps": [{"status": 429}], "after": "repeat_last"},
        "short": {"steps": [{"text": "one two", "finish_reason": "length"}], "after": "repeat_last"},
        "keyed": {"require_key": "another"},
    }
}
HELLO = [{"role": "user", "content": "hi"}]


@pytest.fixture
def wall() -> Iterator[FaultWall]:
    with FaultWall(SCRIPT) as wall:
        yield wall


def vectors_of(vectors: list[list[float]]) -> None:
    """What the wall says of ["a", "b", "a"]: a text's vector is always the same, and of length 1."""
    assert [len(v) for v in vectors] == [8, 8, 8]
    assert vectors[0] == vectors[2] != vectors[1]
    assert sum(x * x for x in vectors[0]) == pytest.approx(1, abs=1e-5)


class TestAnthropic:
    @pytest.fixture
    def client(self, wall: FaultWall) -> Iterator[anthropic.Anthropic]:
        with anthropic.Anthropic(api_key="k", base_url=wall.url, max_retries=0) as client:
            yield client

    def test_message(self, client: anthropic.Anthropic) -> None:
        m = client.messages.create(model="calls", max_tokens=9, messages=HELLO)
        assert [b.type for b in m.content] == ["text", "tool_use"]
        assert m.content[0].text == "one two three"
        assert m.content[1].name == "look" and m.content[1].input == {"a": [1, "b"]} and m.content[1].id
        assert m.stop_reason == "tool_use" and m.usage.input_tokens == 9 and m.usage.output_tokens == 3

    @pytest.mark.parametrize("model", ["plain", "calls", "thinks"])
    def test_stream_is_the_message(self, client: anthropic.Anthropic, model: str) -> None:
        whole = client.messages.create(model=model, max_tokens=9, messages=HELLO)
        with client.messages.stream(model=model, max_tokens=9, messages=HELLO) as stream:
            kinds = [event.type for event in stream]
            streamed = stream.get_final_message()
        assert kinds[0] == "message_start" and kinds[-1] == "message_stop"
        keep = {"type", "text", "thinking", "signature", "name", "input"}
        assert [b.model_dump(include=keep) for b in streamed.content] == [b.model_dump(include=keep) for b in whole.content]
        assert streamed.stop_reason == whole.stop_reason and streamed.usage == whole.usage

    @pytest.mark.parametrize(
        ("model", "error"),
        [("busy", anthropic.APIStatusError), ("limited", anthropic.RateLimitError), ("keyed", anthropic.AuthenticationError)],
    )
    def test_errors(self, client: anthropic.Anthropic, model: str, error: type[anthropic.APIStatusError]) -> None:
        with pytest.raises(error) as raised:
            client.messages.create(model=model, max_tokens=9, messages=HELLO)
        assert raised.value.body["type"] == "error" and raised.value.body["error"]["message"]

    def test_models(self, client: anthropic.Anthropic) -> None:
        assert {m.id for m in client.models.list()} == set(SCRIPT["models"])


class TestOpenAI:
    @pytest.fixture
    def client(self, wall: FaultWall) -> Iterator[openai.OpenAI]:
        with openai.OpenAI(api_key="k", base_url=wall.url + "/v1", max_retries=0) as client:
            yield client

    def test_completion(self, client: openai.OpenAI) -> None:
        r = client.chat.completions.create(model="calls", messages=HELLO)
        assert r.choices[0].message.content == "one two three" and r.choices[0].finish_reason == "tool_calls"
        assert r.choices[0].message.tool_calls[0].function.name == "look"
        assert r.usage.total_tokens == 12

    def test_stream(self, client: openai.OpenAI) -> None:
        with client.chat.completions.create(model="plain", messages=HELLO, stream=True) as stream:
            assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices) == "one two three"

    @pytest.mark.parametrize(("model", "error"), [("limited", openai.RateLimitError), ("keyed", openai.AuthenticationError)])
    def test_errors(self, client: openai.OpenAI, model: str, error: type[openai.APIStatusError]) -> None:
        with pytest.raises(error) as raised:
            client.chat.completions.create(model=model, messages=HELLO)
        assert raised.value.body["message"]

    def test_models(self, client: openai.OpenAI) -> None:
        assert {m.id for m in client.models.list()} == set(SCRIPT["models"])


    @pytest.mark.parametrize("encoding", [openai.NOT_GIVEN, "float", "base64"])
    def test_embeddings(self, client: openai.OpenAI, encoding: str) -> None:
        r = client.embeddings.create(model="plain", input=["a", "b", "a"], encoding_format=encoding)
        if encoding == "base64":
            assert all(isinstance(e.embedding, str) for e in r.data)
        else:
            vectors_of([e.embedding for e in r.data])
        assert r.usage.prompt_tokens == 3 and [e.index for e in r.data] == [0, 1, 2]


class TestAzure:
    @pytest.fixture
    def client(self, wall: FaultWall) -> Iterator[openai.AzureOpenAI]:
        with openai.AzureOpenAI(api_key="k", azure_endpoint=wall.url, api_version="2024-10-21", max_retries=0) as client:
            yield client

    def test_completion(self, client: openai.AzureOpenAI) -> None:
        r = client.chat.completions.create(model="calls", messages=HELLO)
        assert r.choices[0].message.content == "one two three" and r.choices[0].message.tool_calls[0].function.name == "look"
        assert r.prompt_filter_results and r.choices[0].content_filter_results

    def test_stream(self, client: openai.AzureOpenAI) -> None:
        with client.chat.completions.create(model="plain", messages=HELLO, stream=True) as stream:
            chunks = list(stream)
        assert not chunks[0].choices and chunks[0].prompt_filter_results
        texts = [c.choices[0].delta.content for c in chunks if c.choices and c.choices[0].delta]
        assert "".join(text or "" for text in texts) == "one two three"

    def test_v1(self, wall: FaultWall) -> None:
        with openai.OpenAI(api_key="k", base_url=wall.url + "/openai/v1", max_retries=0) as client:
            assert client.chat.completions.create(model="plain", messages=HELLO).choices[0].message.content == "one two three"

    @pytest.mark.parametrize(("model", "error"), [("limited", openai.RateLimitError), ("keyed", openai.AuthenticationError)])
    def test_errors(self, client: openai.AzureOpenAI, model: str, error: type[openai.APIStatusError]) -> None:
        with pytest.raises(error) as raised:
            client.chat.completions.create(model=model, messages=HELLO)
        assert raised.value.body["message"]

    def test_a_version_that_is_none_is_refused(self, wall: FaultWall) -> None:
        client = openai.AzureOpenAI(api_key="k", azure_endpoint=wall.url, api_version="now", max_retries=0)
        with client, pytest.raises(openai.NotFoundError):
            client.chat.completions.create(model="plain", messages=HELLO)


    def test_embeddings(self, client: openai.AzureOpenAI) -> None:
        vectors_of([e.embedding for e in client.embeddings.create(model="plain", input=["a", "b", "a"]).data])


class TestOllama:
    @pytest.fixture
    def client(self, wall: FaultWall) -> ollama.Client:
        return ollama.Client(host=wall.url)

    def test_chat(self, client: ollama.Client) -> None:
        r = client.chat("calls", HELLO)
        assert r.message.content == "one two three" and r.message.tool_calls[0].function.arguments == {"a": [1, "b"]}
        assert r.done and r.done_reason == "stop" and r.prompt_eval_count == 9 and r.eval_count == 3

    def test_stream(self, client: ollama.Client) -> None:
        lines = list(client.chat("thinks", HELLO, think=True, stream=True))
        assert "".join(line.message.content or "" for line in lines) == "one two three"
        assert "".join(line.message.thinking or "" for line in lines) == "let me see"
        assert [line.done for line in lines] == [False] * (len(lines) - 1) + [True]

    def test_what_it_sends_is_understood(self, client: ollama.Client) -> None:
        turns = [*HELLO, {"role": "assistant", "tool_calls": [{"function": {"name": "look", "arguments": {"a": 1}}}]}]
        turns += [{"role": "tool", "tool_name": "look", "content": "sun", "images": [b"hi"]}]
        assert client.chat("plain", turns, format="json", options={"num_ctx": 9}).message.content == "one two three"

    def test_errors(self, client: ollama.Client) -> None:
        with pytest.raises(ollama.ResponseError) as raised:
            client.chat("limited", HELLO)
        assert raised.value.status_code == 429 and raised.value.error

    def test_embed(self, client: ollama.Client) -> None:
        r = client.embed("plain", ["a", "b", "a"])
        vectors_of([list(v) for v in r.embeddings])
        assert r.prompt_eval_count == 3
        assert len(client.embed("plain", "a", dimensions=3).embeddings[0]) == 3

    def test_models(self, client: ollama.Client) -> None:
        assert {m.model for m in client.list().models} == set(SCRIPT["models"])


class TestResponses:
    @pytest.fixture
    def client(self, wall: FaultWall) -> Iterator[openai.OpenAI]:
        with openai.OpenAI(api_key="k", base_url=wall.url + "/v1", max_retries=0) as client:
            yield client

    def test_response(self, client: openai.OpenAI) -> None:
        r = client.responses.create(model="calls", input="hi", store=False)
        assert r.status == "completed" and r.output_text == "one two three" and r.error is None
        assert r.output[1].type == "function_call" and r.output[1].name == "look" and r.output[1].call_id
        assert r.usage.total_tokens == 12 and r.usage.output_tokens_details.reasoning_tokens == 0

    @pytest.mark.parametrize("model", ["plain", "calls", "thinks"])
    def test_stream_is_the_response(self, client: openai.OpenAI, model: str) -> None:
        whole = client.responses.create(model=model, input="hi")
        with client.responses.stream(model=model, input="hi") as stream:
            events = list(stream)
            streamed = stream.get_final_response()
        assert [e.sequence_number for e in events] == list(range(len(events)))
        assert events[0].type == "response.created" and events[-1].type == "response.completed"
        assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == whole.output_text == streamed.output_text
        keep = {"type", "summary", "encrypted_content", "name", "arguments"}
        assert [i.model_dump(include=keep) for i in streamed.output] == [i.model_dump(include=keep) for i in whole.output]
        assert streamed.usage == whole.usage

    @pytest.mark.parametrize(("model", "error"), [("limited", openai.RateLimitError), ("keyed", openai.AuthenticationError)])
    def test_errors(self, client: openai.OpenAI, model: str, error: type[openai.APIStatusError]) -> None:
        with pytest.raises(error) as raised:
            client.responses.create(model=model, input="hi")
        assert raised.value.body["message"]

    def test_incomplete(self, client: openai.OpenAI) -> None:
        r = client.responses.create(model="short", input="hi")
        assert r.status == "incomplete" and r.incomplete_details.reason == "max_output_tokens"


class TestGemini:
    @pytest.fixture
    def client(self, wall: FaultWall) -> genai.Client:
        return genai.Client(api_key="k", http_options=types.HttpOptions(base_url=wall.url))

    def test_content(self, client: genai.Client) -> None:
        r = client.models.generate_content(model="calls", contents="hi")
        parts = r.candidates[0].content.parts
        assert parts[0].text == "one two three" and parts[1].function_call.args == {"a": [1, "b"]}
        assert r.usage_metadata.total_token_count == 12

    def test_stream(self, client: genai.Client) -> None:
        pieces = list(client.models.generate_content_stream(model="thinks", contents="hi"))
        parts = [part for piece in pieces for part in piece.candidates[0].content.parts or []]
        assert "".join(p.text for p in parts if not p.thought) == "one two three"
        assert "".join(p.text for p in parts if p.thought) == "let me see"
        assert pieces[-1].candidates[0].finish_reason == types.FinishReason.STOP

    def test_embed(self, client: genai.Client) -> None:
        r = client.models.embed_content(model="plain", contents=["a", "b", "a"])
        vectors_of([e.values for e in r.embeddings])

    def test_errors(self, client: genai.Client) -> None:
        with pytest.raises(errors.ClientError) as raised:
            client.models.generate_content(model="limited", contents="hi")
        assert raised.value.code == 429 and raised.value.status == "RESOURCE_EXHAUSTED"
