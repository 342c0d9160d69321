"""``pkg.core.llm.types`` is ``llmagg.types``.

Written by ``python -m llmagg dropin``.
"""

import sys

import llmagg.types
from llmagg.types import *  # noqa: F403

sys.modules[__name__] = sys.modules["llmagg.types"]
