"""``pkg.core.llm.providers`` is ``llmagg.providers``.

Written by ``python -m llmagg dropin``.
"""

import sys

import llmagg.providers
from llmagg.providers import *  # noqa: F403

sys.modules[__name__] = sys.modules["llmagg.providers"]
