"""AWS's own SDK against the fault wall: it reads what the wall says as Bedrock, and the wall verifies its signatures."""

from __future__ import annotations

import base64
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import boto3
import botocore.config
import botocore.exceptions
import pytest

from llmagg.faultwall import FaultWall

SCRIPT = {
    "models": {
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0": {
            "steps": [{"text": "one two three", "reasoning": "let me see", "tool_calls": [{"name": "look", "arguments": {"a": [1]}}]}],
            "after": "repeat_last",
        },
        "limited": {"steps": [{"status": 429}], "after": "repeat_last"},
        "breaks": {
            "steps": [
                {
                    "events": [
                        {"event": "messageStart", "data": {"role": "assistant"}},
                        {"event": "throttlingException", "data": {"message": "slow down"}},
                    ]
                }
            ],
            "after": "repeat_last",
        },
    }
}
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
HELLO = [{"role": "user", "content": [{"text": "hi"}]}]


@pytest.fixture
def wall() -> Iterator[FaultWall]:
    with FaultWall(SCRIPT) as wall:
        yield wall


def runtime(wall: FaultWall, secret: str = "wall-secret") -> Any:
    return boto3.client(
        "bedrock-runtime", region_name="eu-central-1", endpoint_url=wall.url, aws_access_key_id="AKIAWALL",
        aws_secret_access_key=secret, aws_session_token="session", config=botocore.config.Config(retries={"max_attempts": 1}),
    )  # fmt: skip


def test_converse(wall: FaultWall) -> None:
    r = runtime(wall).converse(modelId=CLAUDE, messages=HELLO, inferenceConfig={"maxTokens": 9})
    thought, text, call = r["output"]["message"]["content"]
    assert thought["reasoningContent"]["reasoningText"]["text"] == "let me see"
    assert text == {"text": "one two three"}
    assert call["toolUse"]["name"] == "look" and call["toolUse"]["input"] == {"a": [1]}
    assert r["stopReason"] == "tool_use" and r["usage"]["inputTokens"] == 9


def test_stream_is_the_message(wall: FaultWall) -> None:
    events = list(runtime(wall).converse_stream(modelId=CLAUDE, messages=HELLO)["stream"])
    kinds = [next(iter(event)) for event in events]
    assert kinds[0] == "messageStart" and kinds[-2:] == ["messageStop", "metadata"]
    deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
    assert "".join(d.get("text", "") for d in deltas) == "one two three"
    assert "".join(d.get("reasoningContent", {}).get("text", "") for d in deltas) == "let me see"
    assert "".join(d["toolUse"]["input"] for d in deltas if "toolUse" in d) == '{"a":[1]}'
    assert events[-1]["metadata"]["usage"]["totalTokens"] == 12


def test_an_exception_ends_the_stream(wall: FaultWall) -> None:
    with pytest.raises(botocore.exceptions.EventStreamError, match="slow down"):
        list(runtime(wall).converse_stream(modelId="breaks", messages=HELLO)["stream"])


def test_errors(wall: FaultWall) -> None:
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        runtime(wall).converse(modelId="limited", messages=HELLO)
    assert raised.value.response["Error"]["Code"] == "ThrottlingException"


def test_a_wrong_secret_is_refused(wall: FaultWall) -> None:
    with pytest.raises(botocore.exceptions.ClientError) as raised:
        runtime(wall, "another").converse(modelId=CLAUDE, messages=HELLO)
    assert raised.value.response["Error"]["Code"] == "InvalidSignatureException"


def test_the_blocks_that_parts_keep_are_bedrocks() -> None:
    case = json.loads((pathlib.Path(__file__).parents[1] / "contract" / "bedrock_parts.json").read_text())
    model = case["script"]["models"]["nova"]
    blocks = model["steps"][1]["body"]["output"]["message"]["content"][:-1]  # the last one is of no version of the API
    blocks[0]["reasoningContent"]["redactedContent"] = base64.b64decode(blocks[0]["reasoningContent"]["redactedContent"])
    with FaultWall({"models": {"nova": {"steps": model["steps"][:3]}}}) as wall:
        client = runtime(wall)
        events = list(client.converse_stream(modelId="nova", messages=HELLO)["stream"])
        starts = [e["contentBlockStart"]["start"] for e in events if "contentBlockStart" in e]
        assert starts[0] == {"toolUse": {"toolUseId": "s1", "name": "nova_grounding", "type": "server_tool_use"}}
        assert starts[1] == {"toolResult": {"toolUseId": "s1", "type": "nova_grounding_result"}}
        deltas = [e["contentBlockDelta"]["delta"] for e in events if "contentBlockDelta" in e]
        assert b"".join(d["reasoningContent"]["redactedContent"] for d in deltas if "reasoningContent" in d) == b"xyzxy"
        assert [d["toolResult"] for d in deltas if "toolResult" in d] == [[{"text": "found"}]]
        assert [d["citation"]["title"] for d in deltas if "citation" in d] == ["t"]
        assert client.converse(modelId="nova", messages=HELLO)["output"]["message"]["content"][:-1] == blocks
        tools = {"tools": [{"systemTool": {"name": "nova_grounding"}}]}
        client.converse(modelId="nova", messages=[*HELLO, {"role": "assistant", "content": blocks}, *HELLO], toolConfig=tools)
