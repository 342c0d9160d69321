"""The same as ``llmagg.client``. Written by ``python -m llmagg dropin``."""

from llmagg.client import *  # noqa: F403
