"""``pkg.core.llm.providers.gemini_provider`` is ``llmagg.providers.gemini_provider``.

Written by ``python -m llmagg dropin``.
"""

import sys

import llmagg.providers.gemini_provider
from llmagg.providers.gemini_provider import *  # noqa: F403

sys.modules[__name__] = sys.modules["llmagg.providers.gemini_provider"]
