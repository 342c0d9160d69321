"""``pkg.core.llm.providers.gemini_provider`` is ``llmagg.providers.gemini_provider``. Written by ``python -m llmagg dropin``."""

from llmagg.providers.gemini_provider import *  # noqa: F403
