"""The same as ``llmagg.providers``. Written by ``python -m llmagg dropin``."""

from llmagg.providers import *  # noqa: F403
