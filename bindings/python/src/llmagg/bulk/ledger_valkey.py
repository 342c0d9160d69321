"""A ledger in Valkey or Redis, which the workers of one job share: one hash a job, a field an answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, TypeVar

from .. import oldstyle
from .._absent import extra
from ..errors import BadResponseError, InvalidArgumentError
from .ledger import Entry
from .ledger_jsonl import entry_of, line_of
from .report import LedgerError
from .stores import Place
from .writer import StoreError, Writer

T = TypeVar("T")
_JOB = b"job"  # the field that says whose the answers are; those of answers have 16 bytes and more
_AT_ONCE = 500  # look-ups of one command
_TIMEOUT_S = 5.0
_ADVICE = {  # by the class of the client's error, or by the first word of the server's
    "AuthenticationError": ("give the URL the right user and password, valkey://user:password@host", True),
    "NOAUTH": ("give the URL the password, valkey://:password@host", True),
    "WRONGPASS": ("give the URL the right user and password, valkey://user:password@host", True),
    "NOPERM": ("let this user use HMGET, HSET, HSETNX and EXPIRE with the keys llmagg:bulk:*", True),
    "WRONGTYPE": ("the key holds something else; name the job otherwise, ?name=…", True),
    "MOVED": ("the URL must name one server, or the node of a cluster that has the key", True),
    "OOM": ("raise the store's maxmemory, or remove what it need not keep", False),
    "READONLY": ("the URL names a replica; name the primary", False),
    "LOADING": ("the store starts and reads its data", False),
}


class ValkeyLedger:
    """Answers by their keys. Any number of processes may write; each reads what all have written."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._key = f"llmagg:bulk:{place.name}"
        self._expire_s = int(place.options.get("expire_s", 0))
        self._package = _package()
        errors, own = self._package.exceptions, "RedisError" if self._package.__name__ == "redis" else "ValkeyError"
        self._errors: type[Exception] = getattr(errors, own)
        self._writer = Writer(str(place), self._write, place.patience_s)
        self.put, self.ready, self.written = self._writer.put, self._writer.ready, self._writer.written
        self._lock = threading.Lock()  # guards the client
        self._client: Any = None
        self._job = b""  # as it is noted

    def __repr__(self) -> str:
        return f"ValkeyLedger({self._place})"

    async def begin(self, job: Mapping[str, Any]) -> None:
        """Notes the job. Raises LedgerError if the ledger belongs to another one, LedgerAwayError."""
        way_out = f"Name this job otherwise (?name=…), or remove the store's key {self._key}"
        noted_in, other = f"the key {self._key} of the store", "name the job otherwise, ?name=…"
        self._job = await self._writer.agree(job, self._note, noted_in, other, way_out)

    def _note(self, noted: bytes) -> bytes:
        def note(client: Any) -> bytes:
            client.hsetnx(self._key, _JOB, noted)
            found: bytes = client.hget(self._key, _JOB)
            self._warn_of_eviction(client)
            return found

        return self._do(note)

    def _warn_of_eviction(self, client: Any) -> None:
        try:
            memory = client.info("memory")
        except Exception as error:
            if "NOPERM" in str(error) or "unknown command" in str(error):
                return  # a store that tells nobody
            raise
        policy = str(memory.get("maxmemory_policy", ""))
        evicts = policy.startswith("allkeys") or (policy.startswith("volatile") and self._expire_s > 0)
        if memory.get("maxmemory") and evicts:
            oldstyle.warn(
                f"the store of the ledger {self._place} evicts keys (maxmemory-policy {policy}): it may drop answers "
                "that were paid, which are then paid again; noeviction keeps them"
            )

    async def find(self, keys: list[bytes]) -> dict[bytes, Entry]:
        """The answers that there are. Raises LedgerAwayError."""
        found = self._writer.kept(keys)  # before the store is read: what is written meanwhile is here or there
        values = await self._writer.patiently(lambda: self._do(lambda client: self._values(client, keys)))
        self._writer.again()
        for key, value in zip(keys, values):
            if key not in found and value is not None:
                found[key] = self._entry(value)
        return found

    def _entry(self, value: bytes) -> Entry:
        try:
            return entry_of(value)
        except (BadResponseError, KeyError, TypeError, ValueError):
            text = f"the ledger {self._place} is damaged: a field of the key {self._key} is no answer"
            raise LedgerError(f"{text}; name the job otherwise (?name=…), or remove the key") from None

    def _values(self, client: Any, keys: list[bytes]) -> list[bytes | None]:
        found: list[bytes | None] = []
        pipeline = client.pipeline(transaction=False)
        for i in range(0, len(keys), _AT_ONCE):
            pipeline.hmget(self._key, keys[i : i + _AT_ONCE])
        pipeline.hget(self._key, _JOB)
        *groups, job = pipeline.execute()
        if job is None:
            self._writer.tell(
                "the store has lost what was in it (emptied, expired, evicted, or failed over without its data); "
                "answers that were paid before are paid again"
            )
            client.hsetnx(self._key, _JOB, self._job)
        for group in groups:
            found += group
        return found

    def _write(self, group: list[tuple[bytes, Entry]]) -> None:
        fields = {key: line_of(entry) for key, entry in group}
        self._do(lambda client: self._send(client, fields))

    def _send(self, client: Any, fields: dict[bytes, bytes]) -> None:
        pipeline = client.pipeline(transaction=False)
        pipeline.hset(self._key, mapping=fields)
        if self._expire_s:
            pipeline.expire(self._key, self._expire_s)
        pipeline.execute()

    def _do(self, what: Callable[[Any], T]) -> T:
        """Calls with the client. Raises StoreError."""
        try:
            return what(self._connected())
        except self._errors as error:
            raise self._trouble(error) from None
        except OSError as error:
            raise StoreError(self._place.hide(f"{type(error).__name__}: {error}")) from None

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = self._made()
            return self._client

    def _made(self) -> Any:
        place = self._place
        secure: dict[str, Any] = {}
        if place.scheme in ("valkeys", "rediss"):  # valkey-py looks at the host's name only if it is told to
            secure = {"ssl": True, "ssl_check_hostname": True, "ssl_ca_certs": place.options.get("ca_file")}
        retry = import_module(f"{self._package.__name__}.retry").Retry
        none = import_module(f"{self._package.__name__}.backoff").NoBackoff
        made = self._package.Redis if self._package.__name__ == "redis" else self._package.Valkey
        return made(
            host=place.host, port=place.port or 6379, db=int(place.path[1:] or 0), username=place.username,
            password=place.password, protocol=2, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S,
            retry=retry(none(), 0), **secure,
        )  # fmt: skip

    def _trouble(self, error: Exception) -> StoreError:
        said = str(error).rpartition(" of pipeline caused error: ")[2]  # before it stands the command, with answers
        said = self._place.hide(" ".join(said.split()))[:200]
        if "CERTIFICATE_VERIFY_FAILED" in said:
            way_out = "name the host as the certificate does" if "mismatch" in said else "name its root by ?ca_file=…"
            text = f"the store's certificate is not trusted ({said}); {way_out}"
            return StoreError(text, lasting=True)
        if "WRONG_VERSION_NUMBER" in said or "SSL: RECORD_LAYER_FAILURE" in said:
            text = f"the store speaks no TLS ({said}); then the URL begins with valkey:// or redis://"
            return StoreError(text, lasting=True)
        kind = type(error).__name__
        word = _WORDS.get(kind, said.split(" ", 1)[0])
        advice, lasting = _ADVICE.get(word, ("", kind == "ResponseError"))  # what is refused otherwise stays refused
        said = said if said.startswith(word) or word not in _ADVICE or word == kind else f"{word} {said}"
        return StoreError(f"{said}; {advice}" if advice else said, lasting=lasting)


_WORDS = {  # the client takes the server's first word away where it has a class for it
    "OutOfMemoryError": "OOM", "ReadOnlyError": "READONLY", "BusyLoadingError": "LOADING",
    "NoPermissionError": "NOPERM", "AuthenticationError": "AuthenticationError", "MovedError": "MOVED",
    "AuthenticationWrongNumberOfArgsError": "AuthenticationError",
}  # fmt: skip


def _package() -> Any:
    """The module valkey, or redis where the application has that. Raises InvalidArgumentError."""
    for name in ("valkey", "redis"):
        try:
            return import_module(name)
        except ImportError:
            continue
    raise InvalidArgumentError(f"a ledger in Valkey or Redis needs the package valkey: {extra('valkey')}")
