"""The same as ``llmagg.events``. Written by ``python -m llmagg dropin``."""

from llmagg.events import *  # noqa: F403
