"""The RTC memory: 2 KB that outlast a reset, but not the loss of power, and hold noise then.

Whoever keeps something there has a part of it, and a checksum in it.
"""

from machine import mem_backup


def restarts():
    """Return what is `packwarden.restart`'s."""
    return _part(0, 32)


def states():
    """Return what is for integrators and lockouts: see `retained`."""
    return _part(32, 1024)


def events():
    """Return what is for the events that are not in flash yet: see `packwarden.journal`."""
    return _part(1024, 1808)


def service():
    """Return what is `service`'s."""
    return _part(2040, 2048)


def _part(begin, end):
    # The stubs call it a tuple.
    return memoryview(mem_backup())[begin:end]  # pyright: ignore[reportArgumentType]
