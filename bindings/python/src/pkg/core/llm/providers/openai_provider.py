"""``pkg.core.llm.providers.openai_provider`` is ``llmagg.providers.openai_provider``.

Written by ``python -m llmagg dropin``.
"""

import sys

import llmagg.providers.openai_provider
from llmagg.providers.openai_provider import *  # noqa: F403

sys.modules[__name__] = sys.modules["llmagg.providers.openai_provider"]
