"""Configuration of models and providers."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any


def shown_url(url: Any) -> Any:
    """A URL for messages, without its possible secrets: credentials and the values of the query."""
    if not isinstance(url, str):
        return url
    root, asked, _ = url.partition("?")
    scheme, slashes, rest = root.rpartition("://")
    host, slash, path = rest.partition("/")
    host = "***@" + host.rpartition("@")[2] if "@" in host else host
    return f"{scheme}{slashes}{host}{slash}{path}{asked}{'***' if asked else ''}"


CLIENT_VENDORS: set[str] = set()
"""The vendors that have a client class in this package; the classes add themselves."""


@dataclass
class ModelConfig:
    """One route: a model at a provider.

    ``model`` is the upstream name; ``name`` is the key under which it was configured, if different. ``base_url`` None
    or "" means the vendor's. Times are seconds. ``max_retries`` is the number of attempts on the route (0 and 1 mean
    one). None means the core's default: ``connect_timeout`` 5, ``idle_timeout`` as ``timeout``, ``reader_timeout`` 300.
    ``type`` is the vendor, or the wire format, that the server speaks, as in the README; by default the provider's name
    selects it. ``like`` names a vendor whose address, format and key variables apply; ``site`` ("cn", "intl") selects
    one of that vendor's sites. ``api_version`` and ``deployment`` (default ``model``) are Azure's. ``unsupported``
    ("adapt" or "error") decides what happens if the vendor cannot do what a request asks for. ``region`` is that of a
    cloud's service, ``project`` and ``location`` are Vertex AI's; ``auth`` (a dict) says where the credential comes
    from, instead of ``api_key``. ``breaker``, ``retry`` and ``limits`` are dicts of settings, as in the README.
    ``api_keys`` are several keys instead of ``api_key``. ``weight`` is the share of the calls under the strategy
    "weighted". ``repr`` omits
    the keys, ``auth``, the headers and the query of ``base_url``.
    """

    model: str
    provider: str
    api_key: str | None = field(repr=False)
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
    limits: dict[str, Any] | None = None
    unsupported: str | None = None
    api_version: str | None = None
    deployment: str | None = None
    like: str | None = None
    site: str | None = None
    region: str | None = None
    auth: dict[str, Any] | None = field(default=None, repr=False)
    project: str | None = None
    location: str | None = None
    weight: float | None = None
    api_keys: list[str] | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        shown = {f.name: getattr(self, f.name) for f in fields(self) if f.repr}
        shown["base_url"] = shown_url(self.base_url)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    def to_core(self) -> dict[str, Any]:
        """The configuration as the core reads it; None and "" are omitted."""
        core = {key: value for key in _CORE if (value := getattr(self, key, None)) is not None and value != ""}
        core["name"] = self.name or self.model
        if core.get("max_concurrent_calls") == ModelConfig.max_concurrent_calls:
            del core["max_concurrent_calls"]  # the default, which is the vendor's own where it has one
        return core


_CORE = tuple(f.name for f in fields(ModelConfig) if f.name != "name")
MODEL_KEYS = frozenset(_CORE) - {"provider"}
"""The keys that a model's entry in an old-style configuration may have."""


@dataclass
class ProviderConfig:
    """A provider and its models: the name under which each is configured → its configuration."""

    provider: str
    models: dict[str, ModelConfig]

    def get_model_config(self, model_name: str) -> ModelConfig | None:
        """The configuration of a model, or None."""
        return self.models.get(model_name)
