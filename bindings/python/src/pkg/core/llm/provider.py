"""The same as ``llmagg.provider``. Written by ``python -m llmagg dropin``."""

import sys

import llmagg  # noqa: F401 - first: it waits for another thread that imports it
from llmagg.provider import *  # noqa: F403

_ours = sys.modules["llmagg.provider"]
globals().update({**vars(_ours), **globals()})  # a thread that waits for this import gets this module itself
sys.modules[__name__] = _ours
