"""Parts of a ledger in an object store: a gzip file of JSON lines, whose header has the marks of the answers' keys.

Any program that reads ``.jsonl.gz`` reads a part. The marks stand in an extra field of gzip's header (RFC 1952):
opening a ledger reads them, and not the answers.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Sequence
from hashlib import blake2b

from .ledger import GROUP

MOST = 2 * GROUP
"""Answers of a part, at most."""
_MARK = 16
_BEGIN = struct.Struct("<4sLBBH2sH")  # magic number, method and flags; time; two of no meaning; extra field: LM
_MAGIC, _FIELD = b"\x1f\x8b\x08\x04", b"LM"
HEAD = _BEGIN.size + MOST * _MARK
"""The marks of any part are within its first ``HEAD`` bytes."""


def mark(key: bytes) -> bytes:
    """The mark of a key in a part's header: a hash, since keys may be long."""
    return blake2b(key, digest_size=_MARK, person=b"llmagg.parts").digest()


def packed(marks: Sequence[bytes], lines: Sequence[bytes], *, stays: bool = True) -> bytes:
    """A part with these lines; compressed if it stays: compression costs more than the rest of the work."""
    assert 0 < len(marks) == len(lines) <= MOST
    field = b"".join(marks)
    text = b"".join(lines)
    pack = zlib.compressobj(1 if stays else 0, zlib.DEFLATED, -zlib.MAX_WBITS)
    return b"".join((
        _BEGIN.pack(_MAGIC, 0, 0, 255, len(field) + 4, _FIELD, len(field)), field,
        pack.compress(text), pack.flush(), struct.pack("<LL", zlib.crc32(text), len(text) & 0xFFFFFFFF),
    ))  # fmt: skip


def marks(head: bytes) -> list[bytes]:
    """The marks that a part begins with. Raises ValueError if it is no part."""
    if len(head) < _BEGIN.size:
        raise ValueError("it is cut off")
    magic, _, _, _, extra, field, size = _BEGIN.unpack_from(head)
    if (magic, field) != (_MAGIC, _FIELD) or extra != size + 4 or size % _MARK:
        raise ValueError("it does not begin as a part does")
    if len(head) < _BEGIN.size + size:
        raise ValueError("it is cut off")
    return [head[at : at + _MARK] for at in range(_BEGIN.size, _BEGIN.size + size, _MARK)]


def unpacked(part: bytes) -> list[bytes]:
    """The lines of a part. Raises ValueError if it is damaged."""
    try:
        return gzip.decompress(part).split(b"\n")[:-1]
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(str(error)) from None
