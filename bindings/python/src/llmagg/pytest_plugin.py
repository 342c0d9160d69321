"""The pytest fixture ``llm_wall``: a scripted server, for tests of programs that call models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .faultwall import FaultWall


@pytest.fixture
def llm_wall() -> Iterator[FaultWall]:
    """A fault wall on a loopback port: ``llm_wall.url`` is its base URL, ``llm_wall.script({…})`` sets its behaviour,
    ``llm_wall.seen()`` is its record. It stops at the end of the test.
    """
    from .faultwall import FaultWall

    with FaultWall() as wall:
        yield wall
