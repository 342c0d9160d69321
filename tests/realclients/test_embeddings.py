"""Vectors and rankings: AWS's, Google's and Cohere's own SDKs read what the fault wall says."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import botocore.config
import botocore.exceptions
import cohere
import pytest
from cohere.errors import BadRequestError, TooManyRequestsError
from google import genai
from google.genai import errors, types
from google.oauth2 import credentials

from llmagg.faultwall import FaultWall

TEXTS = ["one", "two words"]
TITAN = "amazon.titan-embed-text-v2:0"
SCRIPT: dict[str, Any] = {"models": {"limited": {"steps": [{"status": 429}], "after": "repeat_last"}}}


@pytest.fixture
def wall() -> Iterator[FaultWall]:
    with FaultWall(SCRIPT) as wall:
        yield wall


class TestBedrock:
    @pytest.fixture
    def client(self, wall: FaultWall) -> Any:
        return boto3.client(
            "bedrock-runtime", region_name="eu-central-1", endpoint_url=wall.url, aws_access_key_id="AKIAWALL",
            aws_secret_access_key="wall-secret", config=botocore.config.Config(retries={"max_attempts": 1}),
        )  # fmt: skip

    def invoke(self, client: Any, model: str, **body: Any) -> Any:
        answer = client.invoke_model(modelId=model, body=json.dumps(body))["body"].read()
        return json.load(io.BytesIO(answer))

    def test_titan(self, client: Any) -> None:
        answer = self.invoke(client, TITAN, inputText="two words", dimensions=256, normalize=True)
        assert len(answer["embedding"]) == 256 and answer["inputTextTokenCount"] == 2
        assert len(self.invoke(client, "amazon.titan-embed-text-v1", inputText="one")["embedding"]) == 8

    def test_cohere(self, client: Any) -> None:
        model = "cohere.embed-multilingual-v3"
        answer = self.invoke(client, model, texts=TEXTS, input_type="search_query", embedding_types=["float"])
        plain = self.invoke(client, model, texts=TEXTS, input_type="search_query", truncate="END")
        assert answer["embeddings"]["float"] == plain["embeddings"] and len(plain["embeddings"]) == 2
        assert (answer["response_type"], plain["response_type"]) == ("embeddings_by_type", "embeddings_floats")

    @pytest.mark.parametrize(
        ("model", "body"),
        [(TITAN, {"inputText": "a", "texts": ["a"]}), ("amazon.titan-embed-text-v1", {"inputText": "a", "dimensions": 256}),
         (TITAN, {}), ("cohere.embed-english-v3", {"texts": ["a"]}), ("cohere.embed-english-v3", {"texts": ["a"] * 97, "input_type": "clustering"}),
         ("unknown", {"inputText": "a"})],
    )  # fmt: skip
    def test_refusals(self, client: Any, model: str, body: dict[str, Any]) -> None:
        with pytest.raises(botocore.exceptions.ClientError) as raised:
            self.invoke(client, model, **body)
        assert raised.value.response["Error"]["Code"] == "ValidationException"


class TestVertex:
    @pytest.fixture
    def client(self, wall: FaultWall) -> genai.Client:
        return genai.Client(vertexai=True, project="p-1", location="us-central1", credentials=credentials.Credentials("wall-token"),
                            http_options=types.HttpOptions(base_url=wall.url))  # fmt: skip

    def test_predict(self, client: genai.Client) -> None:
        how = types.EmbedContentConfig(task_type="RETRIEVAL_DOCUMENT", output_dimensionality=5, auto_truncate=False)
        answer = client.models.embed_content(model="text-embedding-005", contents=TEXTS, config=how)
        assert [len(one.values) for one in answer.embeddings] == [5, 5]
        assert [one.statistics.token_count for one in answer.embeddings] == [1, 2]
        assert answer.metadata.billable_character_count == len("".join(TEXTS))

    def test_embed_content(self, client: genai.Client) -> None:
        how = types.EmbedContentConfig(task_type="RETRIEVAL_QUERY", output_dimensionality=5)
        answer = client.models.embed_content(model="gemini-embedding-2", contents="two words", config=how)
        assert [len(one.values) for one in answer.embeddings] == [5]
        assert answer.embeddings[0].statistics.token_count == 2

    def test_errors(self, client: genai.Client) -> None:
        with pytest.raises(errors.ClientError) as raised:
            client.models.embed_content(model="limited", contents="a")
        assert raised.value.code == 429 and raised.value.status == "RESOURCE_EXHAUSTED"
        with pytest.raises(errors.ClientError, match="250 instance"):
            client.models.embed_content(model="text-embedding-005", contents=["a"] * 251)


class TestCohere:
    @pytest.fixture
    def client(self, wall: FaultWall) -> cohere.ClientV2:
        return cohere.ClientV2(api_key="k", base_url=wall.url)

    def test_embed(self, client: cohere.ClientV2) -> None:
        answer = client.embed(model="embed-v4.0", texts=TEXTS, input_type="search_query", embedding_types=["float"], output_dimension=5)
        assert [len(one) for one in answer.embeddings.float_] == [5, 5]
        assert answer.texts == TEXTS and answer.meta.billed_units.input_tokens == 3

    def test_rerank(self, client: cohere.ClientV2) -> None:
        answer = client.rerank(model="rerank-v3.5", query="red fish", documents=["a red car", "red fish", "blue"], top_n=2)
        assert [(one.index, one.relevance_score) for one in answer.results] == [(1, 1.0), (0, 0.5)]
        assert answer.meta.billed_units.search_units == 1

    def test_errors(self, client: cohere.ClientV2) -> None:
        once = {"max_retries": 0}
        with pytest.raises(TooManyRequestsError):
            client.embed(model="limited", texts=TEXTS, input_type="search_query", request_options=once)
        with pytest.raises(TooManyRequestsError):
            client.rerank(model="limited", query="a", documents=TEXTS, request_options=once)
        with pytest.raises(BadRequestError):
            client.v2.embed(model="embed-v4.0", texts=[], input_type="search_query", request_options=once)
