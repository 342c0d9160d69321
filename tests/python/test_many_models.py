"""An aggregator with very many models answers questions about them in linear time."""

from __future__ import annotations

import time
from types import SimpleNamespace

from llmagg import lookup
from llmagg.manager import Manager


def test_very_many_models_are_listed_in_linear_time() -> None:
    names = [f"m{i}" for i in range(20_000)]
    manager = Manager()
    clients = {name: SimpleNamespace(config=None, is_available=lambda: True) for name in names}
    manager.providers["p"] = SimpleNamespace(name="p", clients=clients)
    begun = time.monotonic()
    assert lookup.available_names(manager, names) == names
    assert time.monotonic() - begun < 20  # quadratic listing takes minutes
