"""How a row is asked, and the key that says whether the ledger's answer is the answer to it."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

from .. import _again, catalog, lookup, plan
from .._native import route
from .._native.calls import Call, Posted
from .._wire import encode
from ..aggregator import LLMAggregator
from ..errors import (
    ClosedError,
    ForkedError,
    InvalidArgumentError,
    LLMError,
    ModelNotFoundError,
    NotInitializedError,
    ProviderNotFoundError,
)
from ..parsing import Form
from ..requests import ChatCompletionRequest, messages_to_wire
from ..responses import ChatCompletionResponse
from .ledger import OK, Entry
from .outcome import Asked, answered, failed, read
from .prompt import maker, request_of
from .rows import Unreadable

_ENDS = (ClosedError, ForkedError, NotInitializedError)
"""No outcome of a row: they end the run."""


class Asking:
    """Asks rows: with ``prompt`` as their request, ``parse`` as the form of their answers, ``params`` for all."""

    def __init__(
        self, llm: Any, prompt: str | Callable[[Any], Any] | None, parse: Any, params: Mapping[str, Any]
    ) -> None:
        if not hasattr(llm, "chat"):
            raise InvalidArgumentError(
                f"llm is a {type(llm).__name__}; expected an LLMAggregator (models by their names: models=[…])"
            )
        if params.get("stream"):
            raise InvalidArgumentError("stream=True is not for llmagg.bulk, which keeps whole answers; leave it out")
        self._llm = llm
        self._prompt = maker(prompt)
        self._parse = parse
        self._params = {key: params[key] for key in params if key != "stream"}
        if _function(llm, "chat") is LLMAggregator.chat:
            self._params.setdefault("bulk", True)  # routes without a max_concurrent_calls of their own have "auto"
        self.form: Form[Any] | None = None if parse is None else Form(parse)
        self._like: Call | None = None  # a call of this turn of the loop
        self.job = self._described()
        self._salt = encode(self.job, "the parameters")

    def defaults(self) -> dict[str, Any]:
        """What the aggregator's configuration says of jobs of many rows: its key ``bulk``."""
        if not isinstance(self._llm, LLMAggregator):
            return {}
        if _function(self._llm, "chat") is LLMAggregator.chat:
            self._llm._configure()
        configured: dict[str, Any] = vars(self._llm).get("_bulk") or {}
        return configured

    async def check(self, max_cost: float | None = None) -> None:
        """Raises what is wrong with the parameters of all rows, before any row is asked and noted as failed, and why
        the job's ``max_cost`` cannot be kept.

        The core reads all of a call before it sends anything, so a request without messages tells it; ``messages``
        stand last, since the core names the first mistake.
        """
        if not isinstance(self._llm, LLMAggregator):
            return
        if max_cost is not None:
            plan.refuse_unpriced(self._llm, self._params.get("model"))
        if self._params.keys() <= {"bulk"}:
            return
        try:
            await plan.call_with(self._llm, self._params).response()
        except (InvalidArgumentError, ModelNotFoundError, ProviderNotFoundError) as error:
            if error.message != await self._of_no_messages():
                raise

    async def _of_no_messages(self) -> str:
        try:
            await plan.call_with(self._llm, {}).response()
        except LLMError as error:
            return error.message
        return ""

    def _described(self) -> dict[str, Any]:
        """What an answer depends on beside its row: models, parameters without options of the call, schema."""
        models = getattr(self._llm, "models", None)
        names = catalog.model_names(models) if models else lookup.model_names(self._llm.manager)
        options = route.known().options | {"extra_headers", "headers"}
        left_out = options - {"extra_body"}
        params = {key: value for key, value in self._params.items() if key not in left_out and value is not None}
        return {"models": names, "params": params, "schema": None if self.form is None else self.form.schema}

    def asked(self, n: int, row: Any) -> Asked:
        """The request of a row and its key."""
        try:
            request = request_of(row, self._prompt)
            messages, params = self._split(request)
            wire = {**params, "messages": messages}
            key = blake2b(encode(wire), digest_size=16, person=b"llmagg.bulk")
        except LLMError as error:
            return self._refused(n, row, error)
        except Exception as error:  # of the application's prompt()
            if _again.of_handler(error):
                raise
            text = f"prompt() raised {type(error).__name__}: {error}"
            return self._refused(n, row, InvalidArgumentError(text))
        key.update(self._salt)
        return Asked(n, row, key.digest(), messages, {**self._params, **params} if params else self._params)

    def _refused(self, n: int, row: Any, error: LLMError) -> Asked:
        shown = row.reason if isinstance(row, Unreadable) else repr(row)
        key = blake2b(shown.encode("utf-8", "replace"), digest_size=16, person=b"llmagg.bulk")
        key.update(self._salt)
        return Asked(n, row, key.digest(), None, {}, error)

    @staticmethod
    def _split(request: Any) -> tuple[Any, dict[str, Any]]:
        """Messages, and parameters of the row's own."""
        if isinstance(request, ChatCompletionRequest):
            request = request.to_dict()
        if isinstance(request, Mapping):
            params = dict(request)
            messages = params.pop("messages", None)
            if messages is None:
                raise InvalidArgumentError("the row's request has no 'messages'")
            for key in ("stream", "model"):  # the job's models are asked, and whole answers are kept
                params.pop(key, None)
            return messages_to_wire(messages), params
        return messages_to_wire(request), {}

    async def ask(self, asked: Asked) -> tuple[Entry, ChatCompletionResponse | None, Any]:
        """The entry for the ledger; the response and the parsed value if there was an answer."""
        value: Any = None
        try:
            if asked.error is not None:
                raise asked.error
            if self._parse is None:
                response = await self._llm.chat(asked.messages, **asked.params)
                attempts = response.attempts
            else:
                parsed = await self._llm.parse(asked.messages, self._parse, **asked.params)
                response, attempts, value = parsed.response, parsed.attempts, parsed.value
            return answered(asked, response, attempts, value, self._parse is not None), response, value
        except _ENDS:
            raise
        except LLMError as error:
            return failed(asked, error), None, None

    def post(self, asked: Asked, landed: Callable[[Posted[Asked]], None]) -> Posted[Asked] | None:
        """Begins to ask a row without a task; ``landed`` is called when there is an outcome. None if only ``ask`` can
        do it: it also says what is wrong with a row that cannot be asked.
        """
        if self._parse is not None or asked.error is not None or _function(self._llm, "chat") is not LLMAggregator.chat:
            return None
        try:
            call = self._call(asked)
            return Posted(call, asked, landed) if type(call) is Call and not call.is_bounded() else None
        except LLMError:
            return None

    def _call(self, asked: Asked) -> Call:
        """The call of a row. Rows of one turn of the loop share what an aggregator looks up for a call."""
        llm, own = self._llm, asked.params is not self._params
        if self._like is not None and not own:
            return self._like.asking(asked.messages)
        call: Call = llm._call(asked.messages, asked.params)
        if type(call) is Call and not own and not callable(llm.strategy):  # a traced call is one row's own
            self._like = call
            asyncio.get_running_loop().call_soon(self._forget)
        return call

    def _forget(self) -> None:
        self._like = None

    def landed(self, posted: Posted[Asked]) -> Entry | None:
        """The entry of a row that was posted; None if there is no outcome yet."""
        try:
            payload = posted.payload()
            return None if payload is None else read(posted.what, payload)
        except _ENDS:
            raise
        except LLMError as error:
            return failed(posted.what, error)

    def through(self, llm: Any) -> Asking:
        """The same way to ask, through another aggregator."""
        other = copy.copy(self)
        other._llm = llm
        return other

    def value(self, entry: Entry, text: str) -> Any:
        """The object that ``parse`` made, from the ledger."""
        if self.form is None or entry.state != OK:
            return None
        return self.form.read(ChatCompletionResponse.from_dict({"choices": [{"message": {"content": text}}]}))


def _function(llm: Any, name: str) -> Any:
    """The function behind a method, which a subclass or a test may have replaced."""
    return getattr(getattr(llm, name), "__func__", None)
