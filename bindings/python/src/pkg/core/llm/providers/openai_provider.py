"""The same as ``llmagg.providers.openai_provider``. Written by ``python -m llmagg dropin``."""

from llmagg.providers.openai_provider import *  # noqa: F403
