"""``pkg.core.llm.aggregator`` is ``llmagg.aggregator``.

Written by ``python -m llmagg dropin``.
"""

import sys

import llmagg.aggregator
from llmagg.aggregator import *  # noqa: F403

sys.modules[__name__] = sys.modules["llmagg.aggregator"]
