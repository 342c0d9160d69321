"""Configuration of models and providers."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def shown_url(url: Any) -> Any:
    """Returns a URL for use in messages; ``***`` replaces possible secrets (credentials and the query)."""
    if not isinstance(url, str):
        return url
    root, asked, _ = url.partition("?")
    scheme, slashes, rest = root.rpartition("://")
    host, slash, path = rest.partition("/")
    host = "***@" + host.rpartition("@")[2] if "@" in host else host
    return f"{scheme}{slashes}{host}{slash}{path}{asked}{'***' if asked else ''}"


CLIENT_VENDORS: set[str] = set()
"""The vendors that have a client class in this package; each class adds its vendor."""


@dataclass
class ModelConfig:
    """One route: a model at a provider.

    ``model`` is the provider's name for the model; ``name`` is the key in the configuration, if it differs. If
    ``base_url`` is None or "", the vendor's address applies. Times are in seconds. ``max_retries`` is the number of
    attempts on the route; 0 and 1 both allow a single attempt. A setting that is None has the core's default
    (``connect_timeout`` 5, ``reader_timeout`` 300; ``idle_timeout`` is then equal to ``timeout``). ``type`` names the
    vendor or the wire format of the server (see the README); by default the provider's name selects the format.
    ``like`` names a vendor whose address, format and key variables apply; ``site`` ("cn", "intl") selects a site of
    that vendor. ``api_version`` and ``deployment`` (default: ``model``) are settings for Azure only, ``project`` and
    ``location`` for Vertex AI only. ``unsupported`` ("adapt" or "error") decides what happens if the vendor cannot do
    what a request asks for. ``region`` is the region of a cloud service; ``auth`` (a dict) replaces ``api_key`` and
    says where the credential of that service comes from. Either may be a function or a coroutine function that
    returns a token, or a token and its end: ``(token, expires)``, in seconds since the epoch or as a datetime. All
    calls of all its models share the token; llmagg calls the function in another thread, again before the token
    expires, and once more after a 401 or 403. ``context_window`` is how many tokens the model takes. ``api_keys``
    replaces ``api_key`` by several keys. ``weight`` is the route's share of the calls under the strategy "weighted".
    ``price``, ``breaker``, ``retry``, ``rate`` and ``limits`` are dicts of settings (see the README). ``repr`` omits
    the keys, ``auth``, ``headers``, ``proxy`` and the query of ``base_url``.
    """

    model: str
    provider: str
    api_key: str | Callable[[], Any] | None = field(repr=False)
    base_url: str | None
    timeout: float = 30.0
    max_retries: int = 3
    max_concurrent_calls: int = 10
    name: str | None = None
    type: str | None = None
    organization: str | None = None
    headers: dict[str, str] | None = field(default=None, repr=False)
    proxy: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    connect_timeout: float | None = None
    idle_timeout: float | None = None
    reader_timeout: float | None = None
    breaker: dict[str, Any] | None = None
    retry: dict[str, Any] | None = None
    rate: dict[str, Any] | None = None
    limits: dict[str, Any] | None = None
    unsupported: str | None = None
    api_version: str | None = None
    deployment: str | None = None
    like: str | None = None
    site: str | None = None
    region: str | None = None
    auth: dict[str, Any] | Callable[[], Any] | None = field(default=None, repr=False)
    project: str | None = None
    location: str | None = None
    weight: float | None = None
    context_window: int | None = None
    price: dict[str, Any] | None = None
    api_keys: list[str] | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        shown = {f.name: getattr(self, f.name) for f in fields(self) if f.repr}
        shown["base_url"] = shown_url(self.base_url)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    def to_core(self) -> dict[str, Any]:
        """Returns the configuration in the form that the core reads; values that are None or "" are omitted."""
        core = {key: value for key in _CORE if (value := getattr(self, key, None)) is not None and value != ""}
        core["name"] = self.name or self.model
        if callable(self.api_key) or callable(self.auth):
            from ._native import tokens

            core = tokens.refer(core)
        if core.get("max_concurrent_calls") == ModelConfig.max_concurrent_calls:
            del core["max_concurrent_calls"]  # unless another value is set, the core applies the vendor's default
        return core


_CORE = tuple(f.name for f in fields(ModelConfig) if f.name != "name")
MODEL_KEYS = frozenset(_CORE) - {"provider"}
"""The keys that a model's entry in an old-style configuration may have."""


@dataclass
class ProviderConfig:
    """A provider and its models. ``models`` maps the configured name of each model to its configuration."""

    provider: str
    models: dict[str, ModelConfig]

    def get_model_config(self, model_name: str) -> ModelConfig | None:
        """Returns the configuration of a model, or None."""
        return self.models.get(model_name)
