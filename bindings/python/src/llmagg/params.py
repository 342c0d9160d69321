"""The types of messages and of the keyword parameters of calls, for editors and type checkers.

An application's own functions can take the same parameters::

    async def ask(question: str, **params: Unpack[ChatParams]) -> str:
        return (await llmagg.chat(question, **params)).text
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal, Protocol, TypedDict

from .budget import Budget
from .messages import Function, Message
from .openai_params import Moderation, PromptCacheOptions, WebSearchOptions
from .responses import ChatCompletionResponse
from .vendor_params import VendorParams

Strategy = Literal["order", "weighted", "latency", "least_busy", "cost", "usage"]


class _RoleDict(TypedDict):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]


class MessageDict(_RoleDict, total=False):
    """A message in OpenAI's shape: ``{"role": "user", "content": "Hello!"}``."""

    content: str | Sequence[Mapping[str, Any]] | None
    """A text, or content parts, such as ``[{"type": "text", "text": "…"}]``."""
    name: str
    tool_calls: Sequence[Mapping[str, Any]]
    tool_call_id: str
    """Of a message with the role "tool": the ``id`` of the call that it answers."""
    refusal: str | None
    reasoning_content: str | None


class FunctionDict(TypedDict, total=False):
    """A function that the model may call. ``parameters`` is a JSON schema."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    strict: bool | None


class ToolDict(TypedDict):
    """A tool: ``{"type": "function", "function": {"name": "weather", "parameters": {…}}}``."""

    type: Literal["function"]
    function: FunctionDict


class JSONSchemaDict(TypedDict, total=False):
    """A named schema of :class:`JSONSchemaFormat`."""

    name: str
    description: str
    schema: Mapping[str, Any]
    strict: bool | None


class _PlainType(TypedDict):
    type: Literal["text", "json_object"]


class PlainFormat(_PlainType, total=False):
    """``{"type": "text"}``, or ``{"type": "json_object"}``: any JSON object."""

    schema: Mapping[str, Any]
    """Of a ``json_object``, at the few servers that take the schema there."""


class JSONSchemaFormat(TypedDict):
    """An answer that fits a schema: ``{"type": "json_schema", "json_schema": {"name": "city", "schema": {…}}}``.

    A format that is made at run time is annotated with this type, or goes through ``extra_body``.
    """

    type: Literal["json_schema"]
    json_schema: JSONSchemaDict


class StreamOptions(TypedDict, total=False):
    """``{"include_usage": True}``; the option ``include_usage`` of a call does the same."""

    include_usage: bool
    """Asks for a last chunk with the usage. Default: True for aggregators. Example: ``{"include_usage": False}``."""
    include_obfuscation: bool
    """Whether OpenAI pads its chunks to like sizes, against eavesdroppers. Default: True. Example:
    ``{"include_obfuscation": False}``.
    """


class ModelDump(Protocol):
    """A pydantic model, such as the messages of OpenAI's SDK."""

    def model_dump(self) -> dict[str, Any]:
        """The model as a dict."""


Messages = str | Iterable[Message | Mapping[str, Any] | ModelDump]
"""A text (one message of the user), or messages: dicts, Mappings, :class:`Message`, pydantic models."""


class CommonOptions(TypedDict, total=False):
    """The options that calls of all kinds have. None means not set."""

    deadline: float | timedelta | None
    """Seconds for the whole call: attempts, waits and routes. Default: none. Example: ``deadline=20``."""
    timeout: float | timedelta | None
    """Seconds for one attempt, or for a stream's first token. Default: the route's (30 seconds). Example:
    ``timeout=5``.
    """
    failover_bad_request: bool | None
    """Tries the next route after BAD_REQUEST. Default: True. Example: ``failover_bad_request=False``."""
    failover_content_filter: bool | None
    """Tries the next route after CONTENT_FILTER. Default: False. Example: ``failover_content_filter=True``."""
    failover_on: Sequence[str | int] | None
    """Failures that go to the next route: names of codes, HTTP statuses, vendors' codes; "!" before an entry ends the
    call. Default: by the table of errors. Example: ``failover_on=["5xx", "!BAD_REQUEST"]``.
    """
    retry_on: Sequence[str | int] | None
    """Failures after which the same route is asked again. Default: by the table of errors. Example:
    ``retry_on=[503]``.
    """
    budgets: Budget | Sequence[Budget] | None
    """What the call and others may cost together. Default: none. Example: ``budgets=[llmagg.Budget(20.0)]``."""
    strategy: Strategy | None
    """The order of the routes: "order" (default), "weighted", "latency", "least_busy", "cost" or "usage". Example:
    ``strategy="latency"``.
    """
    session: str | None
    """Calls with the same text ask the same route first, as long as it is usable. Default: none. Example:
    ``session="chat-42"``.
    """
    bulk: bool | None
    """One of many calls: while such calls are under way on a route without a ``max_concurrent_calls`` of its own, that
    is "auto". Default: True for rows of :mod:`llmagg.bulk`, False for other calls. Example: ``bulk=True``.
    """
    headers: Mapping[str, str] | None
    """HTTP headers for this call; they replace configured headers. Default: those of the configuration. Example:
    ``headers={"X-Trace": "42"}``.
    """
    extra_headers: Mapping[str, str] | None
    """The same as ``headers``, by the name that OpenAI's SDK has for it. Default: those of the configuration. Example:
    ``extra_headers={"X-Trace": "42"}``.
    """
    extra_body: Mapping[str, Any] | ModelDump | None
    """Fields for the server that the library does not know; they replace fields of the same name. Default: none.
    Example: ``extra_body={"my_server_field": 1}``.
    """


class MaxRetries(TypedDict, total=False):
    """An option that calls of all kinds have, but in another sense where they make several calls."""

    max_retries: int | None
    """Attempts on one route; 0 and 1 mean one attempt. Default: the route's (3 attempts). Example:
    ``max_retries=2``.
    """


class MaxCost(TypedDict, total=False):
    """An option that is for the whole job where there are many rows."""

    max_cost: float | Mapping[str, Any] | None
    """No attempt begins after the call's known cost has reached this sum, in dollars or the currency of the prices.
    Default: none. Example: ``max_cost=0.05``, or ``{"amount": 0.05, "hard": True}``: nor does an attempt that could
    pass the sum.
    """


class RowOptions(CommonOptions, total=False):
    """The options of a call, except ``max_retries`` and ``max_cost``. None means not set."""

    on_interrupt: Literal["error", "restart"] | None
    """When a stream breaks after its first token: "error" (default) ends it with the partial text, "restart" starts
    the answer again on another route. Example: ``on_interrupt="restart"``.
    """
    hedge_after: float | timedelta | None
    """Streams: seconds without a token after which a second route is asked as well. Default: off. Example:
    ``hedge_after=1.5``.
    """
    accept: Literal["nonempty"] | Callable[[ChatCompletionResponse], object] | None
    """Which answers count; after any other answer the call goes on with the next route. "nonempty" refuses empty
    answers. A function gets the response; a false value, a text (the reason) or an exception refuses the response, None
    accepts it. The function runs in the thread of the call; a stream is judged when it is complete. Default: every
    answer. Example: ``accept="nonempty"``.
    """
    unsupported: Literal["adapt", "error"] | None
    """What a vendor cannot do: "adapt" leaves it out or changes it and lists it in the attempt's ``adapted``, or
    asks the next route; "error" ends the call. Default: the route's ("adapt"). Example: ``unsupported="error"``.
    """
    cache: Literal["use", "refresh", "off"] | None
    """What the call wants of the aggregator's cache: "use" (default) takes a kept answer, "refresh" asks the server
    and replaces it, "off" neither reads nor keeps. Without a cache it means nothing. Example: ``cache="refresh"``.
    """
    include_usage: bool | None
    """Asks for the usage in streams. Default: True for aggregators. Example: ``include_usage=False``."""


class Options(RowOptions, MaxCost, total=False):
    """The options of a call, except ``max_retries``. None means not set."""


class _RequestParams(VendorParams, RowOptions, total=False):
    """The parameters that all calls have, those of many rows too."""

    model: str | None
    """One model for this call. Default: the aggregator's models. Example: ``model="openai/gpt-4o-mini"``."""
    max_tokens: int | None
    """The most tokens of the answer; OpenAI's newer models want ``max_completion_tokens``. Default: the vendor's
    limit. Example: ``max_tokens=200``.
    """
    max_completion_tokens: int | None
    """The most tokens of the answer, thoughts included. Default: the vendor's limit. Example:
    ``max_completion_tokens=500``.
    """
    temperature: float | None
    """A number from 0 (the likeliest words) to 2. Default: the model's. Example: ``temperature=0.2``."""
    top_p: float | None
    """Chooses among the likeliest words with this share of the probability, from 0 to 1. Default: the model's,
    mostly 1. Example: ``top_p=0.9``.
    """
    n: int | None
    """The number of answers (choices), each of which costs its tokens. Default: 1. Example: ``n=2``."""
    seed: int | None
    """With any integer, the same seed and request give mostly the same answer. Default: another seed in each call.
    Example: ``seed=7``.
    """
    stop: str | Sequence[str] | None
    """Texts at which the answer ends, which are not part of it; OpenAI takes up to 4. Default: none. Example:
    ``stop=["END"]``.
    """
    presence_penalty: float | None
    """A number from -2 to 2: above 0 the model prefers new subjects. Default: 0. Example: ``presence_penalty=0.5``."""
    frequency_penalty: float | None
    """A number from -2 to 2: above 0 the model avoids words that it used. Default: 0. Example:
    ``frequency_penalty=0.5``.
    """
    logit_bias: Mapping[str, float] | None
    """Number of a token, as a text → a number from -100 (never) to 100 (always). Default: none. Example:
    ``logit_bias={"50256": -100}``.
    """
    logprobs: bool | None
    """Whether the answer has the probability of each token. Default: False. Example: ``logprobs=True``."""
    top_logprobs: int | None
    """How many likely tokens are listed for each place, from 0 to 20. Needs ``logprobs=True``. Default: 0. Example:
    ``top_logprobs=5``.
    """
    tool_choice: Literal["none", "auto", "required"] | Mapping[str, Any] | None
    """Whether the model calls tools, or which tool it calls. Default: "auto" with ``tools``. Examples:
    ``tool_choice="required"``, ``{"type": "function", "function": {"name": "weather"}}``.
    """
    parallel_tool_calls: bool | None
    """Whether an answer may call several tools. Default: True. Example: ``parallel_tool_calls=False``."""
    functions: Sequence[Function | Mapping[str, Any]] | None
    """The old form of ``tools``. Default: none. Example: ``functions=[{"name": "weather", "parameters": {"type":
    "object"}}]``.
    """
    function_call: str | Mapping[str, Any] | None
    """The old form of ``tool_choice``. Default: "auto" with ``functions``. Example: ``function_call={"name":
    "weather"}``.
    """
    response_format: PlainFormat | JSONSchemaFormat | None
    """The form of the answer. Default: text. Example: ``response_format={"type": "json_object"}``."""
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None
    """How much a model thinks that can think; each vendor gets its own form of it. Default: the model's. Example:
    ``reasoning_effort="low"``.
    """
    verbosity: Literal["low", "medium", "high"] | None
    """How long the answer is. Default: "medium". Example: ``verbosity="low"``."""
    modalities: Sequence[Literal["text", "audio"]] | None
    """The forms of the answer. Default: ["text"]. Example: ``modalities=["text", "audio"]``, with ``audio``."""
    audio: Mapping[str, Any] | None
    """The voice and format of an answer in audio, which ``modalities`` ask for. Default: none. Example:
    ``audio={"voice": "alloy", "format": "wav"}``.
    """
    prediction: Mapping[str, Any] | None
    """Text that is probably part of the answer, such as a file that is edited: the answer comes sooner. Default:
    none. Example: ``prediction={"type": "content", "content": old_file}``.
    """
    stream_options: StreamOptions | None
    """Options of the server for streams. Default: ``{"include_usage": True}`` for aggregators. Example:
    ``stream_options={"include_obfuscation": False}``.
    """
    service_tier: str | None
    """The vendor's class of service: at OpenAI "auto", "default", "flex" (cheaper, slower), "priority" or "fast".
    Default: the vendor's ("auto"). Example: ``service_tier="flex"``.
    """
    store: bool | None
    """Whether the vendor keeps the answer. Default: the vendor's; False at the Responses API. Example:
    ``store=True``.
    """
    metadata: Mapping[str, str] | None
    """Names and values that the vendor keeps with the answer; OpenAI takes 16, names of up to 64 and values of up
    to 512 characters. Default: none. Example: ``metadata={"job": "42"}``.
    """
    user: str | None
    """The vendor's name of your user, to find abuse; OpenAI has ``safety_identifier`` and ``prompt_cache_key``
    instead. Default: none. Example: ``user="customer-42"``.
    """
    prompt_cache_key: str | None
    """OpenAI: requests with the same key and beginning go to the same cache of prompts. Default: none. Example:
    ``prompt_cache_key="support-bot"``.
    """
    prompt_cache_options: PromptCacheOptions | None
    """OpenAI: how prompts are cached, from gpt-5.6 on. Default: one breakpoint that OpenAI chooses. Example:
    ``prompt_cache_options={"mode": "explicit"}``.
    """
    prompt_cache_retention: Literal["in_memory", "24h"] | None
    """OpenAI: how long cached prompts are kept at most; ``prompt_cache_options`` replace it for newer models.
    Default: the model's. Example: ``prompt_cache_retention="24h"``.
    """
    safety_identifier: str | None
    """OpenAI: a stable name of your user of up to 128 characters, such as a hash, to find abuse. Default: none.
    Example: ``safety_identifier="3f9a0c"``.
    """
    web_search_options: WebSearchOptions | None
    """OpenAI and others: the models that search the web. Default: no options. Example:
    ``web_search_options={"search_context_size": "low"}``.
    """
    moderation: Moderation | None
    """OpenAI: moderates the request and the answer. Default: none. Example: ``moderation={"model":
    "omni-moderation-latest"}``.
    """
    stream: bool | None
    """The method decides: ``stream()`` and ``stream_text()`` stream, and ``chat(stream=True)`` is an error.
    Default: what the method does. Example: ``llm.stream(messages)``.
    """


class SharedParams(_RequestParams, Options, total=False):
    """The parameters that all calls have."""

    prompt: Any
    """A field of few servers, sent as it is, such as a stored prompt of OpenAI's. A question stands in
    ``messages``. Default: none. Example: ``prompt={"id": "pmpt_42"}``.
    """


class _Tools(TypedDict, total=False):
    tools: Sequence[ToolDict | Mapping[str, Any]] | None
    """What the model may call; ``response.tool_calls`` lists its calls, as the column ``tool_calls`` of rows does.
    Default: none. Example: ``tools=[{"type": "function", "function": {"name": "weather", "parameters": {"type":
    "object"}}}]``.
    """


class GenerateParams(SharedParams, _Tools, total=False):
    """The parameters of ``generate_response``: those of :class:`ChatParams` but ``max_retries``."""


class ToolParams(SharedParams, total=False):
    """The parameters of ``run_tools``: those of :class:`ChatParams`, except that its ``tools`` are functions."""

    max_retries: int | None
    """Attempts on one route in each round; 0 and 1 mean one attempt. Default: the route's (3 attempts). Example:
    ``max_retries=2``.
    """


class ChatParams(GenerateParams, MaxRetries, total=False):
    """The keyword parameters of ``chat``, ``stream`` and ``stream_text``."""


class RowParams(_RequestParams, _Tools, MaxRetries, total=False):
    """The parameters and options of ``llmagg.bulk`` that hold for each row: those of :class:`ChatParams` except
    ``max_cost``, which is for the whole job there, and ``prompt``, which says what of a row is asked.
    """
