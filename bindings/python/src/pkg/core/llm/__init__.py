"""``pkg.core.llm`` is ``llmagg``. Written by ``python -m llmagg dropin``."""

import sys
from typing import TYPE_CHECKING

import llmagg

if TYPE_CHECKING:
    from llmagg import *  # noqa: F403

# The same module objects under both names, so that classes are identical and mock.patch works through either.
sys.modules[__name__] = llmagg
llmagg._names.answer_to(__name__)
