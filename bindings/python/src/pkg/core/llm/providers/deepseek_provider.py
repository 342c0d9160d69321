"""``pkg.core.llm.providers.deepseek_provider`` is ``llmagg.providers.deepseek_provider``.

Written by ``python -m llmagg dropin``.
"""

import sys

import llmagg.providers.deepseek_provider
from llmagg.providers.deepseek_provider import *  # noqa: F403

sys.modules[__name__] = sys.modules["llmagg.providers.deepseek_provider"]
