"""What a process does just now, for people: ``llmagg top`` and ``llmagg dashboard``.

With ``LLMAGG_TOP=1`` in its environment a process reports it over a socket that only its owner can open
(:mod:`llmagg.monitor.sockets`). :func:`llmagg.monitor.page.serve` shows it as a page of the process itself. Without
either, nothing here is imported, and nothing runs.
"""
