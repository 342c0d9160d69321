"""The same as ``llmagg.types``. Written by ``python -m llmagg dropin``."""

from llmagg.types import *  # noqa: F403
