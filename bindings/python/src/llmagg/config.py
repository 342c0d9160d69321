"""Configuration of models and providers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from typing import Any

from ._fields import Record, grown
from ._parameters import nearest, told_of
from ._shown import KEY_MARKS, shown
from ._wire import decode, encode
from .errors import InvalidArgumentError
from .requests import refuse_bytes


def shown_url(url: Any, keys: Iterable[Any] = ()) -> Any:
    """Returns a URL for use in messages; ``***`` replaces possible secrets: credentials, the query, parts that begin as
    keys do, and ``keys``.
    """
    if not isinstance(url, str):
        return url
    root, asked, _ = url.partition("?")
    scheme, slashes, rest = root.rpartition("://")
    host, slash, path = rest.partition("/")
    host = "***@" + host.rpartition("@")[2] if "@" in host else host
    host, *parts = ("***" if _is_key(part) else part for part in (host, *path.split("/")))
    path = "/".join(parts)
    for key in keys:
        if isinstance(key, str) and len(key) >= (8 if _is_key(key) else 16):
            host, path = host.replace(key, "***"), path.replace(key, "***")
    return f"{scheme}{slashes}{host}{slash}{path}{asked}{'***' if asked else ''}"


def _is_key(part: str) -> bool:
    return part.lower().startswith(KEY_MARKS) or part.startswith("eyJ")


def seconds(value: Any, key: str = "timeout") -> Any:
    """A timedelta, also of numpy, in seconds, if the setting of that name is a time; any other value itself."""
    if type(value) in (int, float, str, type(None)) or not key.endswith(("timeout", "_s")):
        return value
    from . import _values

    return _values.seconds(value)


def is_unset(value: Any) -> bool:
    """Whether a setting counts as left out: None and "" do. Nothing else does that happens to be false."""
    return value is None or (isinstance(value, str) and not value)


CLIENT_VENDORS: set[str] = set()
"""The vendors that have a client class in this package; each class adds its vendor."""


class _Default(int):
    """A number that nobody has set. ``dataclasses.asdict`` gives a plain one, which every serializer writes."""

    def __deepcopy__(self, _: object) -> int:
        return int(self)


_PLACES = _Default(10)


@grown(7)
@told_of
@dataclass(repr=False, eq=False)
class ModelConfig(Record):
    """One route: a model at a provider.

    ``name`` is the key of the configuration, if it is not ``model``. A setting that is None or "" has its default.
    ``api_key`` and ``auth`` may also be a function or coroutine function that returns a token, or a token and its end:
    ``(token, expires)``, in seconds since the epoch or as a datetime. All calls of all its models share the token;
    llmagg calls the function in another thread, again before the token expires, and once more after a 401 or 403.
    ``repr`` omits the keys, ``auth``, ``headers``, ``proxy``, and of ``base_url`` the query and what is a key.

    Attributes:
        api_key: text; default: the vendor's environment variable. Sent to the origin of base_url and nowhere else.
        api_keys: list of texts; default: none. Several keys instead of api_key, used in turns: a key that is
            refused, or whose quota is spent, is tried again after breaker.block_s, then after twice as long each time,
            at most after ten minutes; a key that is limited rests until its reset.
        base_url: text; default: the vendor's. The API's root, such as https://api.openai.com/v1.
        model: text; default: the name. The model's name at the provider.
        type: text; default: by the provider's name. The wire format: openai, azure, deepseek, anthropic, gemini,
            bedrock, bedrock-openai, vertex, vertex-anthropic, ollama, responses (OpenAI's Responses API) or
            openai-compatible.
        like: text; default: the provider's name. The vendor whose address, format, quirks and key variables hold
            (docs/vendors.md).
        site: text; default: the vendor's first. Where the vendor is asked, if it has several sites: cn, intl, us.
        api_version: text. Azure's api-version, such as 2024-10-21; the /openai/v1 address needs none.
        deployment: text; default: model. Azure's name of the model.
        organization: text. The OpenAI-Organization header.
        headers: object of texts. Added to each request; a header Host is the name that the request gives the
            server, the connection goes to base_url.
        proxy: text; default: the environment's. The URL of a proxy.
        ca_file: text; default: the system's roots. A PEM file with root certificates.
        timeout: seconds; default: 30 s. Time limit for one attempt, or for a stream's first token.
        connect_timeout: seconds; default: 5 s. Time limit for DNS, TCP and TLS together.
        idle_timeout: seconds; default: timeout. Longest silence inside a stream.
        reader_timeout: seconds; default: 300 s. How long a stream waits for its reader.
        max_retries: integer; default: 3. Attempts on this route (at most two while another route is available); 0
            and 1 mean one attempt.
        max_concurrent_calls: integer, "auto" or {"min", "max", "start"}; default: 10. Attempts in flight on this
            route; "auto" finds how many the server takes, between "min" (1) and "max" (200), beginning with "start"
            (10).
        context_window: integer; default: not known. How many tokens of prompt and answer the model takes: a request
            that is too long goes to a route with a larger window, before it is sent where its size says so.
        weight: number; default: 1. This route's share of the calls under the strategy "weighted".
        unsupported: "adapt" or "error"; default: "adapt". What the vendor cannot do: "adapt" leaves it out or
            changes it, or asks the next route where it gives the answer its shape; "error" ends the call with
            UNSUPPORTED.
        project: text; default: GOOGLE_CLOUD_PROJECT, or that of the credentials. Vertex AI's project.
        location: text; default: GOOGLE_CLOUD_LOCATION. Vertex AI's location, such as us-central1 or global.
        region: text; default: AWS_REGION, AWS_DEFAULT_REGION or the profile's. The region of a cloud's service,
            such as us-east-1.
        auth: object. A credential instead of ``api_key``; what is missing is looked for where the cloud's SDKs
            look. Keys: ``type`` (the vendor's), ``access_key_id`` (where AWS's SDKs look), ``secret_access_key``,
            ``session_token``, ``profile`` (AWS_PROFILE or default), ``credentials`` (GOOGLE_APPLICATION_CREDENTIALS,
            gcloud's file, the metadata server), ``tenant_id`` (AZURE_TENANT_ID), ``client_id`` (AZURE_CLIENT_ID),
            ``client_secret`` (AZURE_CLIENT_SECRET), ``token_file`` (AZURE_FEDERATED_TOKEN_FILE), ``name``, ``scope``
            (the models').
        price: object. What tokens cost: a response's ``cost`` is by what the provider says, else by this. Keys:
            ``input``, ``output``, ``cached_input`` (input), ``cache_write`` (input), ``cache_write_1h`` (cache_write),
            ``input_audio``, ``output_audio``, ``above`` (none), ``service_tiers`` ({"batch": 0.5}), ``request`` (none),
            ``per`` (1000000), ``currency`` (USD).
        breaker: object. The circuit breaker of the route. Keys: ``open_s`` (10 s), ``block_s`` (60 s), ``window_s``
            (30 s), ``failures`` (5), ``ratio`` (0.5), ``min_requests`` (10).
        retry: object. Waits between attempts, and how many retries there may be. Keys: ``backoff_s`` (0.5 s),
            ``backoff_max_s`` (8 s), ``wait_s`` (3 s), ``budget_ratio`` (0.2), ``budget_per_s`` (3).
        rate: object. Requests and tokens a minute that this route is asked for. Keys: ``rpm`` (as learned), ``tpm``
            (as learned), ``burst_s`` (1 s), ``learn`` (true).
        limits: object. The largest sizes of an answer, in bytes. Keys: ``response_bytes`` (64 MiB), ``event_bytes``
            (16 MiB), ``stream_bytes`` (256 MiB), ``header_bytes`` (1 MiB).
        fleet: object. What processes that share the route tell each other, through a store that they share. Keys:
            ``url`` (none: alone), ``name`` ("default"), ``agree`` (2), ``processes`` (1), ``share`` (["waits",
            "breakers", "rates"]), ``username``, ``password``, ``ca_file`` (the system's roots).
        bulk: object. What jobs of many rows (llmagg.bulk, core/bulk in Go) do where they do not say otherwise.
            Keys: ``max_cost`` (none), ``ledger`` (beside the output), ``errors`` ("rows"), ``stop_after_errors``
            (none), ``batch_api`` ("never").
    """

    model: str
    provider: str
    api_key: str | Callable[[], Any] | None = field(default=None, repr=False)
    base_url: str | None = None
    timeout: float = 30.0
    max_retries: int = 3
    max_concurrent_calls: int | str | dict[str, int] = _PLACES
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
        keys = self.api_keys if isinstance(self.api_keys, (list, tuple)) else ()
        shown["base_url"] = shown_url(self.base_url, (self.api_key, *keys))
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    def to_core(self) -> dict[str, Any]:
        """Returns the configuration in the form that the core reads; values that are None or "" are omitted."""
        if type(self) is ModelConfig and len(vars(self)) > _COUNT:
            _refuse_slips(self)
        given = {key: value for key in _CORE if not is_unset(value := getattr(self, key, None))}
        for key, value in given.items():
            refuse_bytes(key, value)
        core = {key: seconds(value, key) for key, value in given.items()}
        core["name"] = _text_of(self.model if is_unset(self.name) else self.name)
        if callable(self.api_key) or callable(self.auth):
            from ._native import tokens

            core = tokens.refer(core)
        most = core.get("max_concurrent_calls")
        if isinstance(most, _Default):
            del core["max_concurrent_calls"]  # nobody has set it: the vendor's default, or "auto" for llmagg.bulk
        return core


def _text_of(model: Any) -> Any:
    """The name of a model as a text. Raises InvalidArgumentError for what stands for none."""
    if isinstance(model, str):
        return model
    name = decode(encode({"model": model}, "the configuration"))["model"]
    if not isinstance(name, str):
        raise InvalidArgumentError(f"model is {shown(model)}; expected the name of a model")
    return name


_CORE = tuple(f.name for f in fields(ModelConfig) if f.name != "name")
_COUNT = len(fields(ModelConfig))


def _refuse_slips(config: ModelConfig) -> None:
    """Raises an error for attributes, which have no effect, whose names look like misspelt settings."""
    names = [*_CORE, "name"]
    for name in vars(config):
        if name not in names and name[:1] != "_" and (near := nearest(name, names)):
            where = f'model "{config.provider}/{config.name or config.model}"'
            raise InvalidArgumentError(f'{where}: a ModelConfig has no field "{name}"; did you mean "{near}"?')


MODEL_KEYS = frozenset(_CORE) - {"provider"}
"""The keys that a model's entry in an old-style configuration may have."""


@told_of
@dataclass(repr=False, eq=False)
class ProviderConfig(Record):
    """A provider and its models. ``models`` maps the configured name of each model to its configuration."""

    provider: str
    models: dict[str, ModelConfig]

    def get_model_config(self, model_name: str) -> ModelConfig | None:
        """Returns the configuration of a model, or None."""
        return self.models.get(model_name)


def name_model(provider: str, name: str, config: Any) -> None:
    """Notes the name under which a model is configured, where it is not the upstream name. Raises InvalidArgumentError
    for what is no configuration of a model.
    """
    if not hasattr(config, "model"):
        raise InvalidArgumentError(
            f"model {name!r} of provider {provider!r} must be a ModelConfig, got {type(config).__name__}; "
            "create_from_config() takes dicts"
        )
    if getattr(config, "name", None) is None and config.model != name:
        config.name = name
