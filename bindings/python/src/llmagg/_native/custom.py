"""Runs clients written in Python when the core calls them."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import inspect
from typing import Any

from .. import _again, errors
from .._given import close_stream
from .._wire import decode, encode
from ..requests import ChatCompletionRequest, is_bytes
from . import load
from .operation import Operation, Target
from .queue import Payload


class CustomCall:
    """An attempt that a Python client answers. It belongs to the event loop on which it runs."""

    def __init__(self, op: int, payload: Payload) -> None:
        self.op = op
        self.payload: dict[str, Any] = decode(payload, "a custom call")
        self.parent_tag: int = self.payload.get("parent_tag", 0)
        self.task: asyncio.Task[None] | None = None
        self.operation: Operation | None = None  # the call whose attempt this is
        self._canceled = False
        self._resumed: asyncio.Future[None] | None = None

    def cancel(self) -> None:
        """Ends the attempt, because the core no longer waits for the answer."""
        self._canceled = True
        if self.task is not None:
            self.task.cancel()

    def resume(self) -> None:
        """Continues the stream, because its reader has caught up."""
        if self._resumed is not None and not self._resumed.done():
            self._resumed.set_result(None)

    async def run(self, target: Target) -> None:
        """Runs the client and passes the result to the core. Raises only exceptions that must end the loop."""
        if self._canceled:  # the core cancelled it, or another CustomCall replaced it after an interrupted begin
            return
        try:
            with contextlib.suppress(errors.CanceledError):  # the core has cancelled the attempt meanwhile
                await self._answer(target)
        except asyncio.CancelledError:
            if not self._canceled:
                self.fail(errors.ServiceUnavailableError("the client's asyncio task was cancelled during the call"))
                raise
        except Exception as error:
            if self.operation is not None:
                self.operation.raised = error
                if _again.of_handler(error):
                    self.operation.interrupt(error)
            self.fail(error)
        except BaseException as error:
            self.fail(errors.CanceledError(f"{type(error).__name__} ended the client's call"))
            raise

    async def _answer(self, target: Target) -> None:
        answer = target(self.payload)
        if self.payload["stream"]:
            await self._stream(answer)
            return
        if not inspect.isawaitable(answer):
            raise errors.BadResponseError(f"chat_completion must return a coroutine, got {_kind(answer)}")
        response = await answer
        data = encode(_as_dict(response, "chat_completion", "a ChatCompletionResponse"), "the client's response")
        load.call("llmagg_custom_finish", self.op, data, len(data))

    async def _stream(self, answer: Any) -> None:
        if inspect.isawaitable(answer):
            answer = await answer
        if not hasattr(answer, "__aiter__"):
            raise errors.BadResponseError(f"chat_completion_stream must return an async generator, got {_kind(answer)}")
        try:
            async for chunk in answer:
                await self._emit(_as_dict(chunk, "chat_completion_stream", "StreamResponse objects"))
        finally:
            await close_stream(answer)
        load.call("llmagg_custom_finish", self.op, None, 0)

    async def _emit(self, chunk: dict[str, Any]) -> None:
        data = encode(chunk, "the client's chunk")
        pause = ctypes.c_int()
        self._resumed = asyncio.get_running_loop().create_future()
        load.call("llmagg_custom_emit", self.op, data, len(data), ctypes.byref(pause))
        if pause.value:
            await self._resumed

    def fail(self, error: BaseException) -> None:
        """Tells the core that the attempt failed."""
        payload = errors.to_payload(error)
        try:
            data = encode(payload)
        except errors.InvalidArgumentError:  # the text has no UTF-8 form
            text = payload["message"].encode("utf-8", "backslashreplace").decode()
            data = encode({"code": payload["code"], "message": text})
        with contextlib.suppress(errors.CanceledError):
            load.call("llmagg_custom_fail", self.op, data, len(data))


def request_of(payload: dict[str, Any]) -> ChatCompletionRequest:
    """Returns the request of a custom call, with the model of the call's route."""
    request = ChatCompletionRequest.from_dict(payload["request"])
    request.model = payload.get("model") or request.model
    if request.extra_body is not None:  # the server has a field named extra_body
        request.extra["extra_body"], request.extra_body = request.extra_body, None
    if request.extra:
        request.trust_names()
    return request


def _as_dict(value: Any, method: str, expected: str) -> dict[str, Any]:
    made = value.to_dict() if hasattr(value, "to_dict") else value
    if isinstance(made, dict):
        _refuse_bytes(made)
        return made
    if method == "chat_completion" and (choices := _choices(value)):
        return _as_read(value, choices)
    raise errors.BadResponseError(f"{method} must return {expected}, got {_kind(value)}")


def _refuse_bytes(answer: dict[str, Any]) -> None:
    """Raises BadResponseError for a text that is bytes, which would be read in base64."""
    choices = answer.get("choices")
    for i, choice in enumerate(choices if isinstance(choices, (list, tuple)) else ()):
        for part in ("message", "delta"):
            said = choice.get(part) if isinstance(choice, dict) else None
            if isinstance(said, dict) and is_bytes(said.get("content")):
                text = f"choices[{i}].{part}.content is bytes; expected a str, as its decode() gives"
                raise errors.BadResponseError(text)


def _choices(response: Any) -> list[Any]:
    """The choices of an answer of any class. Those of a mock are no list; it has the first one, which was set."""
    choices = getattr(response, "choices", None)
    if isinstance(choices, (list, tuple)):
        return [*choices]
    try:
        first = choices[0]  # type: ignore[index]
        return [first] if isinstance(first.message.content, str) else []
    except Exception as error:  # of the answer's own code
        if _again.of_handler(error):
            raise
        return []


def _as_read(response: Any, listed: list[Any]) -> dict[str, Any]:
    """Reads messages, texts and token counts from an answer of any class, for example a mock."""
    read = {name: v for name in ("id", "model") if isinstance(v := getattr(response, name, None), str)}
    choices = []
    for index, choice in enumerate(listed):
        message = getattr(choice, "message", None)
        content = getattr(message, "content", None)
        tools = getattr(message, "tool_calls", None)
        finish = getattr(choice, "finish_reason", None)
        spoken: dict[str, Any] = {"role": "assistant", "content": content if isinstance(content, (str, list)) else None}
        if isinstance(tools, list):
            spoken["tool_calls"] = tools
        finish = finish if isinstance(finish, str) else "stop"
        choices.append({"index": index, "message": spoken, "finish_reason": finish})
    usage = getattr(response, "usage", None)
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    counts = {name: count for name in names if type(count := getattr(usage, name, 0)) is int}
    return {**read, "choices": choices, "usage": counts}


def _kind(value: Any) -> str:
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[0] in 'aeiouAEIO' else 'a'} {name}"
