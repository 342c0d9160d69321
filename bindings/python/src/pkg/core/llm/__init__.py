"""``pkg.core.llm`` is ``llmagg``.

Written by ``python -m llmagg dropin``.
"""

import importlib
import sys
from typing import TYPE_CHECKING

import llmagg

if TYPE_CHECKING:
    from llmagg import *  # noqa: F403

# The same module objects under both names, so that classes are identical and mock.patch works through either.
for _name in (
    "types",
    "client",
    "provider",
    "providers",
    "providers.openai_provider",
    "providers.deepseek_provider",
    "providers.gemini_provider",
    "manager",
    "aggregator",
    "llm_aggrator",
    "errors",
    "events",
):
    sys.modules[f"{__name__}.{_name}"] = importlib.import_module(f"llmagg.{_name}")
sys.modules[__name__] = llmagg
llmagg._names.answer_to("pkg.core.llm")
