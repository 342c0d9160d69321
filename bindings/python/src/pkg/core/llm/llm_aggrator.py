"""``pkg.core.llm.llm_aggrator`` is ``llmagg.llm_aggrator``.

Written by ``python -m llmagg dropin``.
"""

import sys

import llmagg.llm_aggrator
from llmagg.llm_aggrator import *  # noqa: F403

sys.modules[__name__] = sys.modules["llmagg.llm_aggrator"]
