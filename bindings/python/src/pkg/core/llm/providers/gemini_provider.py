"""The same as ``llmagg.providers.gemini_provider``. Written by ``python -m llmagg dropin``."""

from llmagg.providers.gemini_provider import *  # noqa: F403
