"""Ledgers that several machines share, named by a URL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from .._shown import shown, shown_path
from ..errors import InvalidArgumentError
from .ledger import Entry

VALKEY = ("valkey", "valkeys", "redis", "rediss")
OBJECTS = ("s3", "gs", "az", "abfs", "abfss")
_EXPECTED = (
    "expected valkey://, redis://, or with TLS valkeys://, rediss://, then host:port; s3://, gs:// or az://, then "
    "bucket/path; or the path of a folder that all machines share"
)
_KINDS = {"name": "a text", "expire_s": "seconds", "ca_file": "a path", "patience_s": "seconds"}
_OBJECT_KINDS = {"endpoint": "a URL", "region": "a text", "ca_file": "a path", "patience_s": "seconds"}


class Shared(Protocol):
    """What batches need of a ledger that several processes write. Several threads and loops may use it."""

    async def begin(self, job: Mapping[str, Any]) -> None:
        """Notes the job. Raises LedgerError if the ledger belongs to another one, LedgerAwayError."""

    async def find(self, keys: list[bytes]) -> dict[bytes, Entry]:
        """The answers that there are. Raises LedgerAwayError."""

    def put(self, key: bytes, entry: Entry) -> None:
        """Takes an answer."""

    async def ready(self, room: Callable[[int], bool]) -> None:
        """Waits until further rows may be asked: ``room`` is told how many answers are not written yet, and says
        whether there is room for one more. Raises LedgerAwayError.
        """

    async def written(self, keys: set[bytes]) -> None:
        """Waits until these answers are written. Raises LedgerAwayError."""


@dataclass(frozen=True, repr=False)
class Place:
    """The parts of a URL. The representation shows neither the password nor the user's name."""

    scheme: str
    host: str
    port: int | None
    path: str
    username: str | None
    password: str | None
    options: dict[str, str]

    def __str__(self) -> str:
        if self.scheme in OBJECTS:
            return repr(f"{self.scheme}://{self.host}{self.path}")
        port = "" if self.port is None else f":{self.port}"
        return repr(f"{self.scheme}://{self.host}{port}{self.path}?name={self.name}")

    def __repr__(self) -> str:
        return str(self)

    @property
    def name(self) -> str:
        """The name of the job."""
        return self.options.get("name", "default")

    @property
    def patience_s(self) -> float:
        """How long the store may be away."""
        return float(self.options.get("patience_s", 60))

    def hide(self, text: str) -> str:
        """A text without the credentials of the URL."""
        for secret in (self.password, self.username):
            text = text.replace(secret, "***") if secret else text
        return text


def is_url(ledger: Any) -> bool:
    """Whether a ledger is named by a URL, also by one that was made a Path."""
    if isinstance(ledger, Path):
        return ledger.parts[:1] != () and ledger.parts[0].lower() in {f"{scheme}:" for scheme in (*VALKEY, *OBJECTS)}
    return isinstance(ledger, str) and "://" in ledger


def place_of(url: str | Path) -> Place:
    """The parts of a URL. Raises InvalidArgumentError, whose text has nothing of the URL that may be secret."""
    if isinstance(url, Path):
        raise InvalidArgumentError("the ledger's URL is a Path, which has lost a '/'; give it as a str")
    scheme = url.partition("://")[0].lower()
    if scheme not in (*VALKEY, *OBJECTS):
        raise InvalidArgumentError(f"the ledger's URL begins with {shown(scheme)}; {_EXPECTED}")
    if scheme in OBJECTS:
        return _object_place(scheme, url)
    try:
        parts = urlsplit(url)
        port = parts.port
        if "@" in parts.path + parts.query:
            raise ValueError  # a password with a '/' or '?': what stands before it would be taken for the host
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        text = f"the ledger's URL, which begins with {scheme}://, cannot be read; {_EXPECTED}"
        text += ". In a password '/', '?', '#' and '@' are written as %2F, %3F, %23, %40; so is an '@' behind the host"
        raise InvalidArgumentError(text) from None
    if not parts.hostname:
        raise InvalidArgumentError(f"the ledger's URL {scheme}:// names no host; {_EXPECTED}")
    user, password = (None if part is None else unquote(part) for part in (parts.username, parts.password))
    if parts.fragment:
        raise InvalidArgumentError(f"the ledger's URL {scheme}:// has a '#'; in a password it is written as %23")
    place = Place(scheme, parts.hostname, port, parts.path.rstrip("/"), user or None, password, dict(pairs))
    _check(place)
    return place


def _object_place(scheme: str, url: str) -> Place:
    """The bucket and the path below which a job's objects stand. Credentials come from the environment."""
    bucket, _, path = url.partition("://")[2].partition("?")[0].partition("/")
    host = bucket.partition("@")[2] if scheme in ("abfs", "abfss") else bucket  # container@account.dfs…
    if "@" in host or ":" in bucket or "@" in path or "#" in url:
        text = f"the ledger's URL {scheme}:// has more before or behind the bucket than a path; expected {scheme}://"
        text += "bucket/path. Credentials do not stand in it: the environment has them, as AWS_ACCESS_KEY_ID"
        raise InvalidArgumentError(text)
    if not bucket or not path.strip("/"):
        text = f"the ledger's URL {scheme}:// names no bucket or no path in it; expected {scheme}://bucket/path, where"
        raise InvalidArgumentError(f"{text} the path is this job's own")
    if not all(part.isprintable() and part not in {"", ".", ".."} for part in (bucket, *path.strip("/").split("/"))):
        raise InvalidArgumentError(f"the ledger's URL {scheme}:// has an empty part, '.', '..' or a control in it")
    try:
        query = url.partition("?")[2]
        options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    except ValueError:
        text = f"the options of the ledger's URL {scheme}:// cannot be read; expected ?name=value&…"
        raise InvalidArgumentError(text) from None
    place = Place(scheme, bucket, None, f"/{path.strip('/')}", None, None, options)
    _check_options(place, _OBJECT_KINDS)
    if scheme != "s3" and (only := options.keys() & {"endpoint", "region"}):
        raise InvalidArgumentError(f"the ledger's URL {scheme}:// has {', '.join(sorted(only))}, which is for s3://")
    if not options.get("endpoint", "https://").startswith(("http://", "https://")):
        raise InvalidArgumentError(
            "the ledger's URL s3:// has an endpoint that does not begin with https:// or http://"
        )
    return place


def _check_options(place: Place, kinds: Mapping[str, str]) -> None:
    for key, value in place.options.items():
        what = f"the ledger's URL {place.scheme}:// has"
        if key not in kinds:
            raise InvalidArgumentError(f"{what} an unknown option {shown(key)}; the known ones are {', '.join(kinds)}")
        if kinds[key] == "seconds" and not (value.isdecimal() and 0 < int(value) < 1 << 31):
            raise InvalidArgumentError(f"{what} {key}={shown(value)}; expected a whole number of seconds above 0")
        if not value or not value.isprintable():
            raise InvalidArgumentError(f"{what} {key}= without a value that can be used; expected {kinds[key]}")
    if "ca_file" in place.options and not Path(place.options["ca_file"]).is_file():
        raise InvalidArgumentError(f"there is no ca_file {shown_path(place.options['ca_file'])}")


def _check(place: Place) -> None:
    if "ca_file" in place.options and place.scheme not in ("valkeys", "rediss"):
        raise InvalidArgumentError("ca_file needs a ledger's URL that begins with valkeys:// or rediss://")
    _check_options(place, _KINDS)
    if place.path and not place.path[1:].isdecimal():
        raise InvalidArgumentError(
            f"the ledger's URL {place.scheme}:// has {shown_path(place.path)} behind the host; expected the number of "
            "a database, as /0 (the job's name is ?name=…)"
        )


def refuse(ledger: Any) -> None:
    """Raises InvalidArgumentError for a URL where a file is meant."""
    if is_url(ledger):
        raise InvalidArgumentError(
            "ledger is a URL, which is for llmagg.bulk.ray and llmagg.bulk.dask, where several machines share it; a "
            'run of one process keeps its ledger in a file: "sqlite", "jsonl" or a path'
        )
