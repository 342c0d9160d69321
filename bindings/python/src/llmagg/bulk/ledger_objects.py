"""A ledger in an object store, which the workers of one job share: immutable parts below one URL."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache
from typing import Any

from ..errors import BadResponseError
from .ledger import GROUP, Entry
from .ledger_jsonl import entry_of, line_of
from .objects import Objects
from .parts import HEAD, MOST, mark, marks, packed, unpacked
from .report import LedgerError
from .stores import Place
from .writer import StoreError, Writer

_JOB = "job.json"  # says whose the answers are
_SMALL, _PARTS, _KIND = "small/", "parts/", ".jsonl.gz"
_PART = re.compile(rf"({_SMALL}|{_PARTS})[^/]+{re.escape(_KIND)}")  # other objects below the URL are not the ledger's
_AT_ONCE = 32  # parts that are read at the same time
_HELD = 16  # parts whose answers are kept in memory
_LONG = 4 << 20  # bytes of lines that are merged at once


class ObjectLedger:
    """Answers by their keys. Any number of processes may write; each reads what all have written.

    What a process writes at once is a new object. When 500 of its answers stand in small objects, it writes them again
    as one, with those that others left behind, and removes the small ones. No object changes. In memory stands a mark
    and a place for each answer.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._objects = Objects(place)
        self._writer = Writer(str(place), self._write, place.patience_s)
        self.put, self.ready, self.written = self._writer.put, self._writer.ready, self._writer.written
        self._lines = lru_cache(_HELD)(self._read_lines)
        self._looking = threading.Lock()  # one thread at a time looks for parts
        self._lock = threading.Lock()  # guards the next two
        self._seen: set[str] = set()
        self._places: dict[bytes, tuple[str, int]] = {}  # by the mark of a key
        self._small: list[str] = []  # the next four are of the writer's thread: what is to be merged
        self._marks: list[bytes] = []
        self._texts: list[bytes] = []
        self._merges = True
        self._left: set[str] | None = None  # small objects of others at the first look, or when it merged last

    def __repr__(self) -> str:
        return f"ObjectLedger({self._place})"

    async def begin(self, job: Mapping[str, Any]) -> None:
        """Notes the job. Raises LedgerError if the ledger belongs to another one, LedgerAwayError."""
        way_out = "Name another path for this job, or remove what is below this one"
        noted_in = f"the object {_JOB} below {self._place}"
        await self._writer.agree(job, self._note, noted_in, "name another path for this job", way_out)

    def _note(self, noted: bytes) -> bytes:
        there = self._objects.read(_JOB)
        if there is None:
            self._objects.create(_JOB, noted)
            there = self._objects.read(_JOB)
        if there is None:
            raise StoreError(f"it does not have the object {_JOB} that was just written; somebody removes its objects")
        return there

    async def find(self, keys: list[bytes]) -> dict[bytes, Entry]:
        """The answers that there are. Raises LedgerAwayError."""
        found = self._writer.kept(keys)  # before the store is read: what is written meanwhile is here or there
        left = {mark(key): key for key in keys if key not in found}
        there = await self._writer.patiently(lambda: self._there(left))
        self._writer.again()
        for sign, (name, line) in there.items():
            found[left[sign]] = self._entry(left[sign], name, line)
        return found

    def _entry(self, key: bytes, name: str, line: bytes) -> Entry:
        try:
            entry = entry_of(line)
        except (BadResponseError, KeyError, TypeError, ValueError):
            entry = None
        if entry is None or entry.key != key:
            raise self._damaged(name, "a line of it is no answer, or another one")
        return entry

    def _damaged(self, name: str, why: str) -> LedgerError:
        text = f"the object {name} below {self._place} is no part of a ledger, or damaged: {why}"
        return LedgerError(f"{text}; remove it, then the answers that it had are asked again")

    def _there(self, wanted: Mapping[bytes, bytes]) -> dict[bytes, tuple[str, bytes]]:
        """The objects and lines of the answers that there are, by their marks."""
        if not wanted.keys() <= self._places.keys():
            self._look()
        found: dict[bytes, tuple[str, bytes]] = {}
        while True:
            by_name: dict[str, list[tuple[bytes, int]]] = {}
            with self._lock:
                for sign in wanted:
                    if sign not in found and sign in self._places:
                        name, at = self._places[sign]
                        by_name.setdefault(name, []).append((sign, at))
            removed = set()
            for name, lines in self._each(by_name, self._lines):
                if lines is None:
                    removed.add(name)
                    continue
                for sign, at in by_name[name]:
                    if at >= len(lines):
                        raise self._damaged(name, "it has fewer answers than its header says")
                    found[sign] = (name, lines[at])
            if not removed:
                return found
            self._look()  # what was merged stands in another object
            self._forget(removed)

    @staticmethod
    def _each(names: Any, read: Any) -> list[tuple[str, Any]]:
        """What each name is read as; several at the same time."""
        if len(names) <= 1:
            return [(name, read(name)) for name in names]
        with ThreadPoolExecutor(min(len(names), _AT_ONCE), "llmagg-ledger-read") as pool:
            return list(zip(names, pool.map(read, names)))

    def _read_lines(self, name: str) -> list[bytes] | None:
        part = self._objects.read(name)
        try:
            return None if part is None else unpacked(part)
        except ValueError as error:
            raise self._damaged(name, str(error)) from None

    def _read_marks(self, name: str) -> list[bytes] | None:
        head = self._objects.read(name, HEAD)
        try:
            return None if head is None else marks(head)
        except ValueError as error:
            raise self._damaged(name, str(error)) from None

    def _look(self) -> None:
        """Learns what was written since the last look."""
        gone: set[str] = set()  # merged since the store listed it
        with self._looking:
            while True:
                names = [name for name in self._objects.names() if _PART.fullmatch(name)]
                with self._lock:
                    self._seen.intersection_update(names)
                    fresh = [name for name in names if name not in self._seen and name not in gone]
                read = self._each(fresh, self._read_marks)
                for name, signs in read:
                    if signs is not None:
                        self._learn(name, signs)
                if not (missing := [name for name, signs in read if signs is None]):
                    self._left = self._others() if self._left is None else self._left
                    return
                gone.update(missing)  # what they were merged into may be too new for this list

    def _others(self) -> set[str]:
        """The small objects of others that there were at the last look."""
        with self._lock:
            return {name for name in self._seen if name.startswith(_SMALL)}.difference(self._small)

    def _learn(self, name: str, signs: list[bytes]) -> None:
        with self._lock:
            self._seen.add(name)
            for at, sign in enumerate(signs):
                if name.startswith(_PARTS):
                    self._places[sign] = (name, at)
                else:
                    self._places.setdefault(sign, (name, at))  # a merged one stays longer

    def _forget(self, removed: set[str]) -> None:
        self._lines.cache_clear()
        with self._lock:
            lost = [sign for sign, (name, _) in self._places.items() if name in removed]
            for sign in lost:
                del self._places[sign]
        if lost:
            self._writer.tell(
                f"{len(lost)} answers that it had are gone (somebody, or a rule of the bucket, removed objects); they "
                "are paid again where their rows are asked"
            )

    def _write(self, group: list[tuple[bytes, Entry]]) -> None:
        """Writes answers as an object; in the writer's thread. Raises StoreError."""
        signs, texts = [mark(key) for key, _ in group], [line_of(entry) for _, entry in group]
        if not self._merges or len(group) >= GROUP:
            self._write_part(_PARTS, signs, texts)
            return
        self._small.append(self._write_part(_SMALL, signs, texts))
        self._marks += signs
        self._texts += texts
        if len(self._marks) >= GROUP or sum(map(len, self._texts)) >= _LONG:
            self._merge()

    def _write_part(self, folder: str, signs: list[bytes], texts: list[bytes]) -> str:
        name = f"{folder}{uuid.uuid4().hex}{_KIND}"
        self._objects.write(name, packed(signs, texts, stays=folder == _PARTS))
        self._learn(name, signs)
        return name

    def _merge(self) -> None:
        """Writes what stands in small objects as one. If that fails, the small ones stay, and nothing is lost."""
        others = self._others()
        small, signs, texts = self._small, self._marks, self._texts
        self._small, self._marks, self._texts = [], [], []
        try:
            for name in others & (self._left or set()):  # who wrote them would have merged them meanwhile
                if len(signs) < MOST and sum(map(len, texts)) < _LONG:
                    self._adopt(name, small, signs, texts)
            self._left = others.difference(small)
            self._write_part(_PARTS, signs, texts)
            self._objects.remove(small)
        except StoreError as trouble:
            self._merges = not trouble.lasting
            self._writer.tell(f"{len(small)} small objects stay beside what is merged of them: {trouble}")

    def _adopt(self, name: str, small: list[str], signs: list[bytes], texts: list[bytes]) -> None:
        """Adds another's small object to what is merged, unless it is gone, damaged, or too large."""
        part = self._objects.read(name)
        with suppress(ValueError):  # who looks for its answers tells that it is damaged
            found, lines = ([], []) if part is None else (marks(part), unpacked(part))
            if len(found) == len(lines) and len(signs) + len(found) <= MOST:
                texts += [line + b"\n" for line in lines]
                signs += found
                small.append(name)
