"""Batches through the vendors' own SDKs, against the fault wall: what ``llmagg.bulk`` is tried with must be what the SDKs read."""

from __future__ import annotations

import json
from collections.abc import Iterator

import anthropic
import openai
import pytest
from anthropic.types.messages.batch_create_params import Request

from llmagg.faultwall import FaultWall

SCRIPT = {
    "default": {"steps": [{"text": "one"}, {"status": 400}, {"text": "three"}]},
    "batches": {"polls": 1, "done": 3, "unordered": True},
}


@pytest.fixture
def wall() -> Iterator[FaultWall]:
    with FaultWall(SCRIPT) as wall:
        yield wall


def test_openai(wall: FaultWall) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    requests = [{"custom_id": f"r{n}", "method": "POST", "url": "/v1/chat/completions", "body": body} for n in range(4)]
    with openai.OpenAI(api_key="k", base_url=wall.url, max_retries=0) as client:
        lines = "\n".join(map(json.dumps, requests)).encode()
        file = client.files.create(file=("in.jsonl", lines), purpose="batch")
        assert file.bytes == len(lines)
        made = client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"job": "7"}
        )
        assert (made.status, client.batches.retrieve(made.id).status) == ("in_progress", "in_progress")
        ended = client.batches.retrieve(made.id)
        assert ended.status == "expired"
        assert ended.metadata == {"job": "7"}
        assert (ended.request_counts.total, ended.request_counts.completed, ended.request_counts.failed) == (4, 2, 1)
        good = [json.loads(line) for line in client.files.content(ended.output_file_id).text.splitlines()]
        assert [line["custom_id"] for line in good] == ["r2", "r0"]
        answer = openai.types.chat.ChatCompletion.model_validate(good[1]["response"]["body"])
        assert answer.choices[0].message.content == "one"
        bad = [json.loads(line) for line in client.files.content(ended.error_file_id).text.splitlines()]
        assert [(line["custom_id"], line["response"] and line["response"]["status_code"]) for line in bad] == [
            ("r1", 400), ("r3", None),
        ]  # fmt: skip
        assert bad[1]["error"]["code"] == "batch_expired"
        assert [batch.id for batch in client.batches.list()] == [made.id]
        assert client.batches.cancel(made.id).status == "expired"
        with pytest.raises(openai.NotFoundError):
            client.batches.retrieve("batch_x")


def test_anthropic(wall: FaultWall) -> None:
    params = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    root = wall.url.removesuffix("/v1")
    with anthropic.Anthropic(api_key="k", base_url=root, max_retries=0) as client:
        requests = [Request(custom_id=f"r{n}", params=params) for n in range(4)]  # type: ignore[typeddict-item]
        made = client.messages.batches.create(requests=requests)
        assert made.processing_status == "in_progress"
        assert client.messages.batches.retrieve(made.id).request_counts.processing == 4
        ended = client.messages.batches.retrieve(made.id)
        assert ended.processing_status == "ended"
        assert (ended.request_counts.succeeded, ended.request_counts.errored, ended.request_counts.expired) == (2, 1, 1)
        results = list(client.messages.batches.results(made.id))
        assert [(r.custom_id, r.result.type) for r in results] == [
            ("r3", "expired"), ("r2", "succeeded"), ("r1", "errored"), ("r0", "succeeded"),
        ]  # fmt: skip
        assert results[1].result.message.content[0].text == "three"
        assert results[2].result.error.error.type == "invalid_request_error"
