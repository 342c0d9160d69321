"""``pkg.core.llm.client`` is ``llmagg.client``.

Written by ``python -m llmagg dropin``.
"""

import sys

import llmagg.client
from llmagg.client import *  # noqa: F403

sys.modules[__name__] = sys.modules["llmagg.client"]
