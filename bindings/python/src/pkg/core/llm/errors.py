"""The same as ``llmagg.errors``. Written by ``python -m llmagg dropin``."""

from llmagg.errors import *  # noqa: F403
