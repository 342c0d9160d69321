"""Objects of other libraries as JSON values: models of pydantic's, and messages of LangChain's and LlamaIndex's.

A message is written as chat completions have it; LangChain's by LangChain's own function.
"""

from __future__ import annotations

import sys
from typing import Any

from msgspec import json


def dumped(value: Any) -> Any:
    """What an object with ``model_dump`` stands for. Raises TypeError if it stands for no JSON value."""
    kind = type(value)
    for base in kind.__mro__:
        if base.__name__ == "BaseMessage" and base.__module__.startswith("langchain_core."):
            return _of_langchain(value)
        if base.__name__ == "ChatMessage" and base.__module__.startswith("llama_index."):
            return _of_llama_index(value)
    if hasattr(kind, "model_fields") or hasattr(kind, "__fields_set__"):
        return value.model_dump(by_alias=True, exclude_none=True)  # mode "json" would write Decimals as texts
    return value.model_dump()


def _of_langchain(message: Any) -> Any:
    all_of_it = sys.modules["langchain_core.messages"].convert_to_openai_messages([message])
    if len(all_of_it) != 1:
        raise TypeError(
            f"is a {type(message).__name__} that stands for {len(all_of_it)} messages; "
            "pass what langchain_core.messages.convert_to_openai_messages() makes of the list"
        )
    return all_of_it[0]


def _of_llama_index(message: Any) -> dict[str, Any]:
    parts: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    for block in message.blocks:
        kind = block.block_type
        if kind == "text":
            parts.append({"type": "text", "text": block.text})
        elif kind == "image" and block.url:
            parts.append({"type": "image_url", "image_url": {"url": str(block.url)}})
        elif kind == "tool_call":
            given = block.tool_kwargs  # a text, or an object
            arguments = given if isinstance(given, str) else json.encode(given).decode()
            function = {"name": block.tool_name, "arguments": arguments}
            calls.append({"id": block.tool_call_id, "type": "function", "function": function})
        else:
            raise TypeError(f"has a block of type {kind!r}; expected text, images by address or tool calls")
    text = parts[0]["text"] if len(parts) == 1 and parts[0]["type"] == "text" else parts or None
    names = ("tool_calls", "tool_call_id", "name")
    beside = {name: message.additional_kwargs[name] for name in names if name in message.additional_kwargs}
    return {"role": message.role, "content": text, **({"tool_calls": calls} if calls else {}), **beside}
