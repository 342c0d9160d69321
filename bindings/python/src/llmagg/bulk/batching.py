"""Rows through the batch interfaces of vendors, which cost half and have a quota of their own."""

from __future__ import annotations

import asyncio
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from .. import catalog, lookup
from .._native import route as routes
from ..config import ModelConfig
from ..errors import BadResponseError, InvalidArgumentError, LLMError
from ..log import logger
from .asking import Asking
from .engine import Engine
from .ledger import OK, Ledger
from .mirror import Mirror
from .options import Use
from .outcome import Asked, failed
from .vendors import AnthropicBatches, OpenAIBatches, Place, Result, TornResultsError

_VENDORS = ("openai", "anthropic")
_AT_ONCE = 64  # answers that the core reads
_MOST_TIMES = 3  # that a row is in a batch, if it comes back without an answer
_LOOKS = 3  # after which an unknown batch is gone, and results that are cut off are read as they are
_AWAY_S = 86400.0  # that a vendor may be out of reach before the run ends
_SLOWEST_S = 60.0


@dataclass
class _Looks:
    """The looks at a batch that failed in a row. An outage says nothing of a batch or its results."""

    unknown: int = 0  # the vendor does not know the batch
    torn: int = 0  # its results were cut off
    away: float | None = None  # since when the vendor is out of reach, or gives answers that are none
    why: str = ""  # how the results were cut off
    told: set[str] = field(default_factory=set)  # the kinds of looks in vain that the log has


class Batching:
    """One run of a job with batches. Rows that they do not answer are asked live by the engine, or are errors.

    The ledger notes each batch and its rows, so that a later run finds the batches of a run that was killed.
    """

    def __init__(
        self, engine: Engine, asking: Asking, llm: Any, ledger: Ledger, use: Use, wait: float, poll: float
    ) -> None:
        self._engine = engine
        self._asking = asking
        self._llm = llm
        self._ledger = ledger
        self._always = use == "always"
        self._wait = wait
        self._poll = poll
        self._mirror: Mirror | None = None
        self._place: Place | None = None
        self._vendor: OpenAIBatches | AnthropicBatches | None = None
        self._noted: dict[str, dict[str, Any]] = ledger.meta().get("batches", {})
        self._owners = {n: name for name, noted in self._noted.items() for n in _numbers(noted)}
        self._waiting: dict[int, Asked] = {}
        self._times: dict[int, int] = {}
        self._looks: dict[str, _Looks] = {}  # in vain, by batch
        self._chunk: list[tuple[Asked, bytes]] = []
        self._chunk_bytes = 0

    async def run(self) -> None:
        """Reads all rows, sends batches of them, and waits until these have ended."""
        if not self._find_route():
            return
        assert self._mirror is not None
        await self._find_sent()
        await self._mirror.open(self._asking)
        try:
            group: list[Asked] = []
            while (asked := await self._engine.next_row()) is not None:
                if asked.n in self._owners:
                    self._waiting[asked.n] = asked
                    continue
                group.append(asked)
                if len(group) == _AT_ONCE:
                    await self._add(group)
                    group = []
            await self._add(group)
            await self._send()
            await self._collect()
        finally:
            await self._mirror.close()

    def _find_route(self) -> bool:
        """Finds the first route, and whether its vendor takes batches."""
        entry = lookup.tried(self._llm)[0]
        config = getattr(entry.client, "config", None)
        vendor = catalog.vendor_of(entry.client)
        if not isinstance(config, ModelConfig) or vendor is None or _vendor(entry.provider, config) not in _VENDORS:
            if self._always:
                text = f"the vendor of {entry.provider}/{entry.name} takes no batches that this library knows"
                raise InvalidArgumentError(f'{text}; use batch_api="auto" or "never"')
            return False
        core = {**config.to_core(), "provider": entry.provider, "name": entry.name}
        told = routes.info(core)
        base_url, header = told["config"]["base_url"], told.get("key_header")
        key = next(iter(config.api_keys or ()), config.api_key)
        if key is None:
            key = routes.environment_key(entry.provider)
        headers = dict(config.headers or {})
        if header and isinstance(key, str):
            headers[header["name"]] = header["prefix"] + key
        if config.organization:
            headers["OpenAI-Organization"] = config.organization
        self._place = Place(base_url, headers, config.proxy, config.ca_file)
        self._mirror = Mirror(entry.provider, entry.name, config, base_url)
        if self._noted or self._ledger.meta().get("sending"):  # only names of batches are asked before rows are
            anthropic = _vendor(entry.provider, config) == "anthropic"
            kind = AnthropicBatches if anthropic else OpenAIBatches
            self._vendor = kind(self._place, _endpoint(base_url) if anthropic else "/v1/chat/completions")
        return True

    async def _find_sent(self) -> None:
        """Finds batches that an earlier run sent and did not note any more."""
        for mark, rows in self._ledger.meta().get("sending", {}).items():
            assert self._vendor is not None
            name = await asyncio.to_thread(self._vendor.find, mark)
            if name is not None:
                self._noted[name] = rows
                self._owners.update((n, name) for n in _numbers(rows))
                self._ledger.note("batches", self._noted)

    async def _add(self, group: list[Asked]) -> None:
        """Adds rows to the next batch, and sends it if it is full."""
        assert self._mirror is not None
        mirror = self._mirror

        async def one(asked: Asked) -> tuple[Asked, str, bytes] | None:
            if asked.error is not None:
                self._engine.settle(failed(asked, asked.error))
                return None
            try:
                path, body = await mirror.request(asked)
            except LLMError:
                self._engine.again(asked)  # live, it says what is wrong
                return None
            return asked, path, body

        for found in await asyncio.gather(*map(one, group)):
            if found is not None:
                asked, path, body = found
                vendor = self._made_for(path)
                line = vendor.line(str(asked.n), body)
                full = len(self._chunk) >= vendor.most_requests or self._chunk_bytes + len(line) > vendor.most_bytes
                if full:
                    await self._send()
                self._chunk.append((asked, line))
                self._chunk_bytes += len(line) + 1

    def _made_for(self, path: str) -> OpenAIBatches | AnthropicBatches:
        assert self._place is not None
        if path.endswith("/messages"):
            root = urlsplit(self._place.base_url).path.rstrip("/")
            self._vendor = self._vendor or AnthropicBatches(self._place, path.removeprefix(root))
        else:
            endpoint = "/v1/responses" if path.endswith("/responses") else "/v1/chat/completions"
            self._vendor = self._vendor or OpenAIBatches(self._place, endpoint)
            if isinstance(self._vendor, OpenAIBatches):
                self._vendor.endpoint = endpoint
        return self._vendor

    async def _send(self) -> None:
        """Sends the next batch."""
        chunk, self._chunk, self._chunk_bytes = self._chunk, [], 0
        if not chunk:
            return
        assert self._vendor is not None
        numbers = [asked.n for asked, _ in chunk]
        mark = uuid.uuid4().hex
        self._ledger.note("sending", {mark: {"rows": _ranges(numbers)}})
        try:
            name = await asyncio.to_thread(self._begun, self._vendor, [line for _, line in chunk], mark)
        except LLMError as error:
            if self._always:
                raise
            text = "a batch of %d rows could not be sent: %s; each is asked in a call of its own"
            logger.warning(text, len(chunk), error)
            for asked, _ in chunk:
                self._engine.again(asked)
            return
        self._noted[name] = {"rows": _ranges(numbers)}
        self._ledger.note("batches", self._noted)
        self._ledger.note("sending", {})
        for asked, _ in chunk:
            self._waiting[asked.n] = asked
            self._owners[asked.n] = name
            self._times[asked.n] = self._times.get(asked.n, 0) + 1

    @staticmethod
    def _begun(vendor: OpenAIBatches | AnthropicBatches, lines: list[bytes], mark: str) -> str:
        """Sends a batch; one whose answer was lost may have arrived all the same."""
        try:
            return vendor.begin(lines, mark)
        except LLMError:
            with suppress(LLMError):
                name = vendor.find(mark)
                if name is not None:
                    return name
            raise

    async def _collect(self) -> None:
        """Waits for the batches, and takes their results."""
        assert self._vendor is not None or not self._noted
        vendor, begun, pause, cancelled = self._vendor, time.monotonic(), self._poll, False
        while self._noted and vendor is not None:
            for name in list(self._noted):
                looks = self._looks.setdefault(name, _Looks())
                late = not self._always and time.monotonic() - begun >= self._wait
                try:
                    told = await asyncio.to_thread(vendor.ended, name)
                    lenient = late or looks.torn >= _LOOKS
                    results = None if told is None else await asyncio.to_thread(_listed, vendor, told, lenient)
                    why = "" if told is None else vendor.why(told) or looks.why
                    del self._looks[name]
                except LLMError as error:
                    results, why = _unseen(looks, name, error, late), str(error)
                if results is not None:
                    await self._take(name, results, why)
                    pause = self._poll
            await self._send()
            if not self._noted:
                return
            if not self._always and not cancelled and time.monotonic() - begun >= self._wait:
                cancelled = True
                for name in list(self._noted):
                    try:
                        await asyncio.to_thread(vendor.cancel, name)
                    except LLMError:
                        await self._take(name, [])
                continue
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _SLOWEST_S)

    async def _take(self, name: str, results: list[Result], why: str = "") -> None:
        """Takes the results of a batch, each row's once; what is left goes the other way, ``why`` says for what
        reason.
        """
        assert self._mirror is not None
        mirror = self._mirror
        for start in range(0, len(results), _AT_ONCE):
            group = {
                int(result.name): result for result in results[start : start + _AT_ONCE] if result.name.isdecimal()
            }
            known = [
                (self._waiting[n], r) for n, r in group.items() if self._owners.get(n) == name and n in self._waiting
            ]
            given = [(asked, r.status, r.body) for asked, r in known if r.status is not None]
            for (asked, status, _), (entry, _, _) in zip(
                given, await asyncio.gather(*(mirror.outcome(*one) for one in given)), strict=True
            ):
                lasting = self._always and status < 500 and status != 429
                if entry.state == OK or lasting:
                    del self._waiting[asked.n]
                    self._engine.settle(entry)
        left = [n for n in _numbers(self._noted.pop(name)) if n in self._waiting]
        again: list[Asked] = []
        if left and why and not self._always:
            text = "the batch %s has no answers to %d rows: %s; each is asked in a call of its own"
            logger.warning(text, name, len(left), why)
        for n in left:
            asked = self._waiting.pop(n)
            del self._owners[n]
            if not self._always:
                self._engine.again(asked)
            elif self._times.get(n, 1) < _MOST_TIMES:
                again.append(asked)
            else:
                text = f"{_MOST_TIMES} batches came back without an answer to the row{why and '; '}{why}"
                self._engine.settle(failed(asked, BadResponseError(text)))
        for start in range(0, len(again), _AT_ONCE):
            await self._add(again[start : start + _AT_ONCE])
        self._engine.flush()
        self._ledger.note("batches", self._noted)


def _unseen(looks: _Looks, name: str, error: LLMError, late: bool) -> list[Result] | None:
    """The results of a batch that could not be looked at: none, where that is ``late`` or the vendor does not know the
    batch any more; None, where the next look may succeed. Raises the error of a key that is refused, and of a vendor
    that has been out of reach for too long.
    """
    if late:
        return []
    now = time.monotonic()
    if error.status in (401, 403):
        raise error
    if error.status in (404, 410):
        kind, looks.away = "unknown", None
        looks.unknown += 1
        if looks.unknown >= _LOOKS:
            return []
    elif isinstance(error, TornResultsError):
        kind, looks.away, looks.why = "torn", None, str(error)
        looks.torn += 1
    else:
        kind = "away"
        if looks.away is None:
            looks.away = now
        elif now - looks.away >= _AWAY_S:
            text = f"the batch {name} could not be read for {_AWAY_S / 3600:.0f} hours: {error}"
            raise type(error)(f"{text}; run the job again to go on with the batch", status=error.status)
    if kind not in looks.told:
        looks.told.add(kind)
        logger.warning("the batch %s cannot be read now: %s; llmagg tries again", name, error)
    return None


def _listed(vendor: OpenAIBatches | AnthropicBatches, told: dict[str, Any], lenient: bool) -> list[Result]:
    return list(vendor.results(told, lenient))


def _vendor(provider: str, config: ModelConfig) -> str:
    return (config.like or provider).lower()


def _endpoint(base_url: str) -> str:
    return "/messages" if urlsplit(base_url).path.rstrip("/").endswith("/v1") else "/v1/messages"


def _ranges(numbers: list[int]) -> list[list[int]]:
    """Sorted numbers as ranges, both ends included."""
    found: list[list[int]] = []
    for n in numbers:
        if found and found[-1][1] == n - 1:
            found[-1][1] = n
        else:
            found.append([n, n])
    return found


def _numbers(noted: dict[str, Any]) -> list[int]:
    return [n for first, last in noted["rows"] for n in range(first, last + 1)]
