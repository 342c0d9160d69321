"""``pkg.core.llm.events`` is ``llmagg.events``.

Written by ``python -m llmagg dropin``.
"""

import sys

import llmagg.events
from llmagg.events import *  # noqa: F403

sys.modules[__name__] = sys.modules["llmagg.events"]
