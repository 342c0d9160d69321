"""Parts of ledgers in object stores, and what is said of a store's errors; real stores are tried by tests/engines."""

from __future__ import annotations

import gzip
import io

import pytest

from llmagg.bulk import parts
from llmagg.bulk.objects import trouble_of

SECRET = "hunter2-Zx"
LINES = [f'{{"n":{n},"answer":"{"x" * n}"}}\n'.encode() for n in range(parts.MOST)]
MARKS = [parts.mark(f"key {n}".encode()) for n in range(parts.MOST)]


@pytest.mark.parametrize("stays", [True, False])
@pytest.mark.parametrize("count", [1, 7, parts.MOST])
def test_a_part_is_a_gzip_file_that_begins_with_its_marks(count: int, stays: bool) -> None:
    part = parts.packed(MARKS[:count], LINES[:count], stays=stays)
    assert parts.marks(part[: parts.HEAD]) == MARKS[:count]
    assert [line + b"\n" for line in parts.unpacked(part)] == LINES[:count]
    with gzip.open(io.BytesIO(part)) as file:
        assert file.readlines() == LINES[:count]
    text = sum(map(len, LINES[:count]))
    assert len(part) < text if stays and count > 7 else len(part) >= text


@pytest.mark.parametrize("cut", [0, 10, 20, 100])
def test_a_torn_part_is_told(cut: int) -> None:
    part = parts.packed(MARKS[:7], LINES[:7])[:cut]
    with pytest.raises(ValueError, match="cut off"):
        parts.marks(part)
    with pytest.raises(ValueError):
        parts.unpacked(part + b"x")


@pytest.mark.parametrize("other", [gzip.compress(LINES[5] * 9), b"PAR1" * 9, bytes(90)], ids=["gz", "parquet", "0"])
def test_another_file_is_no_part(other: bytes) -> None:
    with pytest.raises(ValueError, match="does not begin as a part does"):
        parts.marks(other)


@pytest.mark.parametrize("at", [-1, -5, -9, -40])
def test_a_damaged_part_is_told(at: int) -> None:
    part = bytearray(parts.packed(MARKS[:7], LINES[:7]))
    part[at] ^= 0x55
    with pytest.raises(ValueError):
        parts.unpacked(bytes(part))


def of_s3(status: str, code: str, message: str) -> str:
    """An error as the client shows it."""
    shown = f"Generic S3 error: Error performing PUT http://127.0.0.1:9/b/x?X-Amz-Signature={SECRET} in 1ms - "
    shown += f"Server returned non-2xx status code: {status}: <Error><Code>{code}</Code><Message>{message}</Message>"
    return f"{shown}<AWSAccessKeyId>{SECRET}</AWSAccessKeyId></Error>\n\nDebug source:\nGeneric {{ {SECRET} }}"


@pytest.mark.parametrize(
    ("said", "told", "lasting"),
    [
        (of_s3("404 Not Found", "NoSuchBucket", "None."), "NoSuchBucket: None; make the bucket", True),
        (of_s3("403 Forbidden", "AccessDenied", "No."), "AccessDenied: No; let these credentials read, write", True),
        (of_s3("403 Forbidden", "InvalidAccessKeyId", "No."), "InvalidAccessKeyId: No; give this process", True),
        (of_s3("403 Forbidden", "RequestTimeTooSkewed", "Late."), "Late; set the clock of this machine", False),
        (of_s3("403 Forbidden", "OfAnotherStore", "No."), "OfAnotherStore: No; let these credentials read", True),
        (of_s3("503 Slow Down", "SlowDown", "Slow."), "SlowDown: Slow; the store asks for fewer requests", False),
        (of_s3("507 Insufficient Storage", "Other", "Full."), "Other: Full; make room in the store", False),
        (of_s3("301 Moved", "PermanentRedirect", "There."), "There; name the bucket's region", True),
        (of_s3("500 Internal Server Error", "InternalError", "Oh."), "InternalError: Oh", False),
        (f"Error performing GET http://h/x?sig={SECRET} in 1s - Server returned non-2xx status code: 502 Bad Gateway: ",
         "HTTP 502 Bad Gateway", False),
        ('HTTP error: error sending request\n\nDebug source: "tcp connect error"', "nothing listens", False),
        ('HTTP error: error sending request\n\nDebug source: "dns error"', "there is no such host", False),
        ("HTTP error\n\nDebug source: invalid peer certificate: UnknownIssuer", "by [?]ca_file=", True),
        ("HTTP error: builder error\n\nDebug source: source: BadScheme", "only Azure's emulator", True),
        ("Error performing PUT http://169.254.169.254/latest/api/token in 1s - timed out", "has no credentials", False),
        (f"Error performing GET http://h/x?sig={SECRET} in 1s - what nobody knows", "used: what nobody knows", False),
    ],
)  # fmt: skip
def test_an_error_of_the_store_says_what_to_do(said: str, told: str, lasting: bool) -> None:
    trouble = trouble_of(said)
    with pytest.raises(type(trouble), match=told):
        raise trouble
    assert trouble.lasting == lasting
    assert SECRET not in str(trouble)
