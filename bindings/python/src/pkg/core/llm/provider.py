"""The same as ``llmagg.provider``. Written by ``python -m llmagg dropin``."""

from llmagg.provider import *  # noqa: F403
