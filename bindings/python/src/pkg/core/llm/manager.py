"""The same as ``llmagg.manager``. Written by ``python -m llmagg dropin``."""

from llmagg.manager import *  # noqa: F403
