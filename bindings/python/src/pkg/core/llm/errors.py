"""``pkg.core.llm.errors`` is ``llmagg.errors``.

Written by ``python -m llmagg dropin``.
"""

import sys

import llmagg.errors
from llmagg.errors import *  # noqa: F403

sys.modules[__name__] = sys.modules["llmagg.errors"]
