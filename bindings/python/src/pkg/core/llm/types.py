"""``pkg.core.llm.types`` is ``llmagg.types``. Written by ``python -m llmagg dropin``."""

from llmagg.types import *  # noqa: F403
