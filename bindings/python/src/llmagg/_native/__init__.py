"""The bridge to the shared library: the only place that knows ctypes, descriptors and operation ids.

``load`` finds and loads the library, ``signatures`` types its functions, ``handle`` owns native handles, ``queue``
reads events in batches, ``operation`` is a running call. ``bridge`` belongs to an event loop, ``blocking`` to a thread;
both are a ``reader``. ``route`` is the native side of a client, ``custom`` runs clients written in Python.
"""
