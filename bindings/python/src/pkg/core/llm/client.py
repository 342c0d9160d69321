"""The same as ``llmagg.client``. Written by ``python -m llmagg dropin``."""

import sys

import llmagg  # noqa: F401 - first: it waits for another thread that imports it
from llmagg.client import *  # noqa: F403

sys.modules[__name__] = sys.modules["llmagg.client"]
