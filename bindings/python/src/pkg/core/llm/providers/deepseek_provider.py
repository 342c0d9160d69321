"""``pkg.core.llm.providers.deepseek_provider`` is ``llmagg.providers.deepseek_provider``. Written by ``python -m llmagg dropin``."""

from llmagg.providers.deepseek_provider import *  # noqa: F403
