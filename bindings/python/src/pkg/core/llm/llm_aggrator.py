"""The same as ``llmagg.llm_aggrator``. Written by ``python -m llmagg dropin``."""

from llmagg.llm_aggrator import *  # noqa: F403
