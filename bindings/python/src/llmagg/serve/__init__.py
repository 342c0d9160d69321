"""An HTTP server with OpenAI's API over an aggregator, for programs in any language (``llmagg serve``).

:func:`application` makes an ASGI application of an aggregator; it needs ``pip install 'llmagg[serve]'``. The library
does not import this package.
"""

from __future__ import annotations

try:
    from .application import application
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "starlette":
        raise
    from llmagg._absent import extra

    raise ImportError(f"starlette is not installed; llmagg.serve needs it: {extra('serve')}") from None
from .keys import Keys
from .limits import Limits

__all__ = ["Keys", "Limits", "application"]
