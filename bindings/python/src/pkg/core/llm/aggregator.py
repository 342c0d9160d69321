"""The same as ``llmagg.aggregator``. Written by ``python -m llmagg dropin``."""

from llmagg.aggregator import *  # noqa: F403
