"""``pkg.core.llm.errors`` is ``llmagg.errors``. Written by ``python -m llmagg dropin``."""

from llmagg.errors import *  # noqa: F403
