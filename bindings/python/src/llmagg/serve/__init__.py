"""An HTTP server with OpenAI's API over an aggregator, for programs in any language (``llmagg serve``).

:func:`application` makes an ASGI application of an aggregator; it needs ``pip install 'llmagg[serve]'``. The library
does not import this package.
"""

from __future__ import annotations

from .application import application
from .keys import Keys
from .limits import Limits

__all__ = ["Keys", "Limits", "application"]
