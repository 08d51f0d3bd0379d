"""`esp`: the messages of the IDF on the console, of which the simulation has none."""

LOG_NONE = 0


def osdebug(uart, level=LOG_NONE):
    """Choose where and how much the IDF prints: nothing here."""
