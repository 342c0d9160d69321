"""``async with`` and ``with`` for objects that have a ``close``."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

Self = TypeVar("Self")


class Closing:
    """An object that is closed at the end of an ``async with`` or ``with`` block."""

    _closed_by: ClassVar[str] = "close"

    async def __aenter__(self: Self) -> Self:
        return self

    async def __aexit__(self, *_: Any) -> None:
        await getattr(self, self._closed_by)()

    def __enter__(self: Self) -> Self:
        from ._native import blocking

        blocking.refuse_inside_loop()  # rather than at the end, when the close would be refused
        return self

    def __exit__(self, *_: Any) -> None:
        getattr(self, f"{self._closed_by}_sync")()
