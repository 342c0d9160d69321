"""``pkg.core.llm.provider`` is ``llmagg.provider``.

Written by ``python -m llmagg dropin``.
"""

import sys

import llmagg.provider
from llmagg.provider import *  # noqa: F403

sys.modules[__name__] = sys.modules["llmagg.provider"]
