"""``pkg.core.llm.provider`` is ``llmagg.provider``. Written by ``python -m llmagg dropin``."""

from llmagg.provider import *  # noqa: F403
