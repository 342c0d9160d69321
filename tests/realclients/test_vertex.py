"""Google's and Anthropic's own SDKs for Vertex AI, and OpenAI's with a token of Entra's, against the fault wall."""

from __future__ import annotations

from collections.abc import Iterator

import anthropic
import google.auth.transport.requests
import openai
import pytest
from google import genai
from google.genai import errors, types
from google.oauth2 import credentials

from llmagg.faultwall import FaultWall

ANSWER = {"text": "one two three", "tool_calls": [{"name": "look", "arguments": {"a": [1, "b"]}}]}
SCRIPT = {
    "require_key": "wall-token",
    "models": {
        "plain": {"steps": [{"text": "one two three"}], "after": "repeat_last"},
        "calls": {"steps": [ANSWER], "after": "repeat_last"},
        "limited": {"steps": [{"status": 429}], "after": "repeat_last"},
        "gone": {"steps": [{"status": 404}], "after": "repeat_last"},
    },
}
HELLO = [{"role": "user", "content": "hi"}]


@pytest.fixture
def wall() -> Iterator[FaultWall]:
    with FaultWall(SCRIPT) as wall:
        yield wall


class TestGemini:
    @pytest.fixture
    def client(self, wall: FaultWall) -> genai.Client:
        """The SDK gets its token from the wall, too, as a user's who has logged in with gcloud."""
        user = credentials.Credentials(None, refresh_token="1//r", client_id="c", client_secret="s", token_uri=wall.url + "/token")
        user.refresh(google.auth.transport.requests.Request())
        return genai.Client(vertexai=True, project="p-1", location="us-central1", credentials=user,
                            http_options=types.HttpOptions(base_url=wall.url))  # fmt: skip

    def test_content(self, client: genai.Client) -> None:
        r = client.models.generate_content(model="calls", contents="hi")
        parts = r.candidates[0].content.parts
        assert parts[0].text == "one two three" and parts[1].function_call.args == {"a": [1, "b"]}
        assert r.usage_metadata.total_token_count == 12

    def test_stream(self, client: genai.Client) -> None:
        pieces = list(client.models.generate_content_stream(model="plain", contents="hi"))
        assert "".join(piece.text or "" for piece in pieces) == "one two three"

    @pytest.mark.parametrize(("model", "code", "status"), [("limited", 429, "RESOURCE_EXHAUSTED"), ("gone", 404, "NOT_FOUND")])
    def test_errors(self, client: genai.Client, model: str, code: int, status: str) -> None:
        with pytest.raises(errors.ClientError) as raised:
            client.models.generate_content(model=model, contents="hi")
        assert raised.value.code == code and raised.value.status == status

    def test_express(self, wall: FaultWall) -> None:
        client = genai.Client(vertexai=True, api_key="wall-token", http_options=types.HttpOptions(base_url=wall.url))
        assert client.models.generate_content(model="plain", contents="hi").text == "one two three"


class TestClaude:
    @pytest.fixture
    def client(self, wall: FaultWall) -> Iterator[anthropic.AnthropicVertex]:
        with anthropic.AnthropicVertex(region="global", project_id="p-1", access_token="wall-token", base_url=wall.url + "/v1",
                                       max_retries=0) as client:  # fmt: skip
            yield client

    def test_message(self, client: anthropic.AnthropicVertex) -> None:
        m = client.messages.create(model="calls", max_tokens=9, messages=HELLO)
        assert [b.type for b in m.content] == ["text", "tool_use"] and m.content[1].input == {"a": [1, "b"]}

    def test_stream(self, client: anthropic.AnthropicVertex) -> None:
        with client.messages.stream(model="plain", max_tokens=9, messages=HELLO) as stream:
            assert "".join(stream.text_stream) == "one two three"

    @pytest.mark.parametrize(("model", "error"), [("limited", anthropic.RateLimitError), ("gone", anthropic.NotFoundError)])
    def test_errors(self, client: anthropic.AnthropicVertex, model: str, error: type[anthropic.APIStatusError]) -> None:
        with pytest.raises(error):
            client.messages.create(model=model, max_tokens=9, messages=HELLO)


def test_azure_with_a_token(wall: FaultWall) -> None:
    with openai.AzureOpenAI(azure_ad_token="wall-token", azure_endpoint=wall.url, api_version="2024-10-21", max_retries=0) as client:
        assert client.chat.completions.create(model="plain", messages=HELLO).choices[0].message.content == "one two three"
