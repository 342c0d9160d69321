"""The text of a chunk includes that of text parts, as in Go and C."""

from __future__ import annotations

import llmagg
from llmagg.responses import StreamResponse


def test_text_parts_are_the_text_of_a_chunk() -> None:
    content = [
        {"type": "text", "text": "part "},
        {"type": "image_url", "image_url": {"url": "data:,x"}},
        {"type": "text", "text": "one"},
    ]
    chunk = StreamResponse.from_dict({"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": None}]})
    assert chunk.text() == "part one"
    assert llmagg.ChunkEvent(chunk).text == "part one"
