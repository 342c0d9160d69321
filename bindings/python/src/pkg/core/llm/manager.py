"""``pkg.core.llm.manager`` is ``llmagg.manager``.

Written by ``python -m llmagg dropin``.
"""

import sys

import llmagg.manager
from llmagg.manager import *  # noqa: F403

sys.modules[__name__] = sys.modules["llmagg.manager"]
