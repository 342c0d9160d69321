"""The same as ``llmagg.providers.deepseek_provider``. Written by ``python -m llmagg dropin``."""

from llmagg.providers.deepseek_provider import *  # noqa: F403
