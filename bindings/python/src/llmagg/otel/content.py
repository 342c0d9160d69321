"""Messages and answers in the conventions' shape, as JSON text, for ``instrument(content=True)``."""

from __future__ import annotations

import json
from typing import Any


def asked(messages: Any) -> str:
    """The request's messages."""
    shown = [
        {"role": message.get("role"), "parts": _parts(message)}
        for message in (messages if isinstance(messages, (list, tuple)) else ())
        if isinstance(message, dict)
    ]
    return json.dumps(shown, ensure_ascii=False, default=str)


def _parts(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    if message.get("role") == "tool":
        return [{"type": "tool_call_response", "id": message.get("tool_call_id"), "response": content}]
    parts = [{"type": "text", "content": content}] if isinstance(content, str) and content else []
    if isinstance(content, list):
        for part in content:
            text = part.get("text") if isinstance(part, dict) else None
            kind = part.get("type") if isinstance(part, dict) else None
            parts.append({"type": "text", "content": text} if isinstance(text, str) else {"type": str(kind)})
    return parts + [_call(call) for call in message.get("tool_calls") or () if isinstance(call, dict)]


def _call(call: dict[str, Any]) -> dict[str, Any]:
    function = call.get("function") or {}
    return {"type": "tool_call", "id": call.get("id"), "name": function.get("name"),
            "arguments": function.get("arguments")}  # fmt: skip


def answered(choices: list[Any]) -> str:
    """The answer's choices."""
    shown = [
        {"role": "assistant", "parts": _parts(choice.message.to_dict()), "finish_reason": choice.finish_reason}
        for choice in choices
    ]
    return json.dumps(shown, ensure_ascii=False, default=str)
