"""Objects of other libraries as JSON values: pydantic's models, messages of LangChain's, LlamaIndex's, pydantic-ai's.

A message is written as chat completions have it; LangChain's by LangChain's own function.
"""

from __future__ import annotations

import sys
from typing import Any

from msgspec import json

from .errors import InvalidArgumentError


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


_PYDANTIC_AI = "pydantic_ai.messages"
_RESULTS = ("tool-return", "retry-feedback", "retry-prompt")


def unfolded(messages: list[Any]) -> list[Any]:
    """The messages, where each of pydantic-ai's is replaced by those that it stands for. The instructions of its last
    request come first; as there, one that only gives back results of tools may have none of its own.
    """
    if all(type(message).__module__ != _PYDANTIC_AI for message in messages):
        return messages
    made: list[Any] = []
    instructions = None
    for i, message in enumerate(messages):
        if type(message).__module__ != _PYDANTIC_AI or not hasattr(message, "parts"):
            made.append(message)
        elif message.kind == "response":
            made.append(_answered(message, i))
        else:
            if message.instructions or any(part.part_kind not in _RESULTS for part in message.parts):
                instructions = message.instructions
            made += [_asked(part, i) for part in message.parts]
    return [{"role": "system", "content": instructions}, *made] if instructions else made


def _answered(message: Any, i: int) -> dict[str, Any]:
    texts, calls = [], []
    for part in message.parts:
        if part.part_kind == "text":
            texts.append(part.content)
        elif part.part_kind == "tool-call":
            function = {"name": part.tool_name, "arguments": part.args_as_json_str()}
            calls.append({"id": part.tool_call_id, "type": "function", "function": function})
        elif part.part_kind != "thinking":
            raise _unknown(i, part.part_kind)
    return {"role": "assistant", "content": "".join(texts) or None, **({"tool_calls": calls} if calls else {})}


def _asked(part: Any, i: int) -> dict[str, Any]:
    if part.part_kind == "system-prompt":
        return {"role": "system", "content": part.content}
    if part.part_kind == "user-prompt":
        content = part.content
        return {"role": "user", "content": content if isinstance(content, str) else [_shown(it, i) for it in content]}
    if part.part_kind in ("retry-feedback", "retry-prompt"):
        text, call = part.model_response(), getattr(part, "tool_name", None) and part.tool_call_id
    elif part.part_kind == "tool-return":
        if part.files:  # which the text leaves out
            raise _unknown(i, f"tool-return with {part.files[0].kind}")
        text, call = part.model_response_str(), part.tool_call_id
    else:
        raise _unknown(i, part.part_kind)
    return {"role": "tool", "tool_call_id": call, "content": text} if call else {"role": "user", "content": text}


def _shown(item: Any, i: int) -> dict[str, Any]:
    if isinstance(item, str) or item.kind == "text-content":
        return {"type": "text", "text": item if isinstance(item, str) else item.content}
    if item.kind == "image-url" or (item.kind == "binary" and item.is_image):
        return {"type": "image_url", "image_url": {"url": item.url if item.kind == "image-url" else item.data_uri}}
    raise _unknown(i, item.kind)


def _unknown(i: int, kind: str) -> InvalidArgumentError:
    what = "text, images, tool calls or their results"
    return InvalidArgumentError(f"messages[{i}] has a part of the kind {kind!r}; expected {what}")
