"""The types of parameters that OpenAI has and that hold several values: caches of prompts, searches, moderation."""

from __future__ import annotations

from typing import Literal, TypedDict


class PromptCacheOptions(TypedDict, total=False):
    """``{"mode": "explicit", "ttl": "30m"}``, of OpenAI."""

    mode: Literal["implicit", "explicit"]
    """Who sets breakpoints: OpenAI one, the messages' parts more by ``prompt_cache_breakpoint`` ("implicit"), or the
    parts alone ("explicit"). Default: "implicit". Example: ``{"mode": "explicit"}``.
    """
    ttl: str
    """How long a breakpoint is kept at least. Default: "30m". Example: ``{"ttl": "30m"}``."""


class _Approximate(TypedDict, total=False):
    city: str
    """The name of a city, such as "Ulm"."""
    country: str
    """Two letters of ISO 3166-1, such as "DE"."""
    region: str
    """The name of a region, such as "Bavaria"."""
    timezone: str
    """A name of the IANA's, such as "Europe/Berlin"."""


class UserLocation(TypedDict):
    """``{"type": "approximate", "approximate": {"city": "Ulm", "country": "DE"}}``: where the user is."""

    type: Literal["approximate"]
    approximate: _Approximate


class WebSearchOptions(TypedDict, total=False):
    """``{"search_context_size": "low", "user_location": {…}}``: how the web is searched, and where the user is."""

    search_context_size: Literal["low", "medium", "high"]
    """How much of what is found the model reads. Default: "medium". Example: ``{"search_context_size": "low"}``."""
    user_location: UserLocation | None
    """Where the user is. Default: not known. Example: ``{"type": "approximate", "approximate": {"country": "DE"}}``."""


class _Mode(TypedDict):
    mode: Literal["score", "block"]


class ModerationPolicy(TypedDict, total=False):
    """``{"input": {"mode": "block"}, "output": {"mode": "score"}}``: what happens to what is found."""

    input: _Mode | None
    output: _Mode | None


class _ModerationModel(TypedDict):
    model: str


class Moderation(_ModerationModel, total=False):
    """``{"model": "omni-moderation-latest", "policy": {…}}``, of OpenAI."""

    policy: ModerationPolicy | None
    """Whether the request and the answer are scored or blocked. Default: scored."""
