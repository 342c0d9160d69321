"""What a ledger does with an object store, by the package obstore: S3 and what speaks as it, Google's, Azure's."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from .._absent import extra
from ..errors import InvalidArgumentError
from .stores import Place
from .writer import StoreError

T = TypeVar("T")
_TIMES = {"connect_timeout": "5s", "timeout": "20s"}
_RETRIES = {"max_retries": 2, "retry_timeout": timedelta(seconds=20)}  # the writer tries again after that
_PAGE = 1000  # names that stores list at once

_BUCKET = "make the bucket, or name the right one"
_RIGHTS = "let these credentials read, write, list and delete objects below the ledger's URL"
_KEYS = "give this process the right credentials in its environment"
_REGION = "name the bucket's region and endpoint, ?region=…&endpoint=…"
_CLOCK = "set the clock of this machine; stores refuse requests of another time"
_BUSY = "the store asks for fewer requests, or is away"
_SPACE = "make room in the store"
_PLAIN = (
    "its endpoint is no https://; for s3://, where that is meant, name it in the URL, ?endpoint=http://…; with az:// "
    "only Azure's emulator may have none (AZURE_STORAGE_USE_EMULATOR=true)"
)
_ADVICE = {  # by the store's code, or by the number of HTTP; True: waiting does not help
    "NoSuchBucket": (_BUCKET, True), "ContainerNotFound": (_BUCKET, True), "InvalidBucketName": (_BUCKET, True),
    "AccessDenied": (_RIGHTS, True), "AllAccessDisabled": (_RIGHTS, True), "403": (_RIGHTS, True),
    "AuthorizationPermissionMismatch": (_RIGHTS, True), "AuthorizationFailure": (_RIGHTS, True),
    "InvalidAccessKeyId": (_KEYS, True), "SignatureDoesNotMatch": (_KEYS, True), "InvalidToken": (_KEYS, True),
    "AuthenticationFailed": (_KEYS, True), "401": (_KEYS, True), "ExpiredToken": (_KEYS, False),
    "PermanentRedirect": (_REGION, True), "AuthorizationHeaderMalformed": (_REGION, True), "301": (_REGION, True),
    "IllegalLocationConstraintException": (_REGION, True),
    "RequestTimeTooSkewed": (_CLOCK, False), "RequestExpired": (_CLOCK, False),
    "SlowDown": (_BUSY, False), "ServerBusy": (_BUSY, False), "TooManyRequests": (_BUSY, False), "429": (_BUSY, False),
    "QuotaExceeded": (_SPACE, False), "XMinioStorageFull": (_SPACE, False), "InsufficientStorage": (_SPACE, False),
    "503": (_BUSY, False), "507": (_SPACE, False),
}  # fmt: skip
_REACH = (  # what the client says of a connection, somewhere in its text
    ("invalid peer certificate", "its certificate is not trusted; name its root by ?ca_file=…", True),
    ("dns error", "there is no such host; name the right endpoint", False),
    ("tcp connect error", "nothing listens at its address, or no network leads there; look at the endpoint", False),
    ("TimedOut", "it did not answer in time", False),
    ("BadScheme", _PLAIN, True),
)

_UNSURE = "it does not heed If-None-Match, so that two jobs could take one path; use a store that does, or Valkey"


class Objects:
    """The objects below a URL. Each call may come from any thread, and raises StoreError."""

    def __init__(self, place: Place) -> None:
        try:
            self._package = import_module("obstore")
            store = import_module("obstore.store")
            self._errors = import_module("obstore.exceptions")
        except ImportError:
            text = f"a ledger in an object store needs the package obstore: {extra('object-store')}"
            raise InvalidArgumentError(text) from None
        client: dict[str, Any] = dict(_TIMES)
        settings = {name: place.options[name] for name in ("endpoint", "region") if name in place.options}
        if settings.get("endpoint", "").startswith("http://"):
            client["allow_http"] = True
        if "ca_file" in place.options:
            client["root_certificate"] = Path(place.options["ca_file"]).read_bytes()
        url = f"{place.scheme}://{place.host}{place.path}"
        try:
            self._store = store.from_url(url, client_options=client, retry_config=dict(_RETRIES), **settings)
        except self._errors.BaseError as error:
            said = str(error).partition("\n")[0]
            text = f"the ledger {place} cannot be used: {said}. What it needs stands in the environment, as"
            raise InvalidArgumentError(f"{text} AWS_REGION or AZURE_STORAGE_ACCOUNT_NAME") from None

    def names(self) -> list[str]:
        """The names of all objects."""

        def listed() -> list[str]:
            pages = self._package.list(self._store, chunk_size=_PAGE)
            return [found["path"] for page in pages for found in page]

        return self._do(listed)

    def read(self, name: str, most: int | None = None) -> bytes | None:
        """An object, or so many of its first bytes; None if there is none."""

        def read() -> bytes | None:
            try:
                if most is None:
                    return bytes(self._package.get(self._store, name).bytes())
                return bytes(self._package.get_range(self._store, name, start=0, end=most))
            except (FileNotFoundError, self._errors.NotFoundError) as error:
                if _code(str(error)) in _ADVICE:
                    raise
                return None
            except self._errors.BaseError as error:
                if most is None or _code(str(error)) not in ("InvalidRange", "416"):
                    raise
                return b""  # an empty object has no range

        return self._do(read)

    def write(self, name: str, data: bytes) -> None:
        """Writes an object whole."""
        self._do(lambda: self._package.put(self._store, name, data, use_multipart=False))

    def create(self, name: str, data: bytes) -> None:
        """Writes an object if there is none of that name. A store that cannot tell is refused: it would let two jobs
        have one path.
        """

        def create() -> bool:
            try:
                self._package.put(self._store, name, data, mode="create")
            except (self._errors.AlreadyExistsError, self._errors.PreconditionError):
                return False
            except (NotImplementedError, self._errors.BaseError) as error:
                if _code(str(error)) not in ("NotImplemented", "501"):
                    raise
                raise StoreError(_UNSURE, lasting=True) from None
            return True

        if self._do(create) and self._do(create):
            self.remove([name])  # the next job would take it for granted
            raise StoreError(_UNSURE, lasting=True)

    def remove(self, names: list[str]) -> None:
        """Removes objects. Others may remove them at the same time."""

        def remove() -> None:
            try:
                self._package.delete(self._store, list(names))
            except gone:
                for name in names:
                    with suppress(*gone):
                        self._package.delete(self._store, name)

        gone = (FileNotFoundError, self._errors.NotFoundError)
        self._do(remove)

    def _do(self, what: Callable[[], T]) -> T:
        try:
            return what()
        except (OSError, self._errors.BaseError) as error:
            raise trouble_of(str(error)) from None


def _code(said: str) -> str:
    """The store's code for what went wrong, or the number of HTTP."""
    found = re.search(r"<Code>(\w+)</Code>", said) or re.search(r"status code: (\d+)", said)
    return found[1] if found else ""


def trouble_of(said: str) -> StoreError:
    """What an error of the client says, without what may be secret: it shows requests and answers whole."""
    if "169.254.169.254" in said or "metadata.google.internal" in said:
        text = "this process has no credentials for it, and the machine gives none"
        return StoreError(f"{text}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what the store needs")
    if code := _code(said):
        message = re.search(r"<Message>([^<\n]*)", said)
        status = re.search(r"status code: (\d+ [A-Za-z ]*)", said)
        advice, lasting = _ADVICE.get(code, ("", False))
        if not advice and status is not None:
            advice, lasting = _ADVICE.get(status[1].split()[0], ("", False))
        text = f"HTTP {status[1].strip()}" if status else code
        if message is not None:
            text = f"{code}: {message[1][:200].rstrip('. ')}"
        return StoreError(f"{text}; {advice}" if advice else text, lasting=lasting)
    for sign, meaning, lasting in _REACH:
        if sign in said:
            return StoreError(f"it cannot be reached: {meaning}", lasting=lasting)
    first = said.partition("\n")[0].rpartition(" - ")[2]
    first = re.sub(r"[?]\S*", "", first)[:200]  # a query may have a signature
    return StoreError(f"it cannot be used: {first or 'no reason is known'}")
