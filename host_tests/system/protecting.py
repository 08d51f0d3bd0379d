"""A cabinet that protects, behind a pseudo-terminal: `protecting(speed)`."""

import json
import os
import threading
from contextlib import contextmanager

from packwarden_host.errors import RunFailed
from packwarden_host.vm import Cabinet
from system.lines import pseudo_terminal
from system.plug import job
from system.runs import bank, commissioned, trace


@contextmanager
def protecting(speed):
    """Yield a cabinet of two with a PIN, once it is armed; it plays until the end.

    `port`: its console's path; `flash`: its folder; `causes`: those of its restarts; `armed`: a
    semaphore that each further boot releases.
    """
    with pseudo_terminal() as (far, line), Cabinet(bank(2), terminal=far) as cabinet:
        commissioned(cabinet)
        told = job(cabinet, trace((0, {}), (100_000, {})), speed=speed, console="stdio")
        cabinet.port = os.ttyname(line.fd)
        cabinet.flash = cabinet.folder / "state" / "flash"
        cabinet.causes = []
        cabinet.armed = threading.Semaphore(0)
        done = threading.Event()

        def play():
            try:
                for letter, text in cabinet.lines(told):
                    if letter == "X":
                        cabinet.causes.append(json.loads(text)["cause"])
                    elif letter == "E" and json.loads(text)["element"] == "boot":
                        cabinet.armed.release()
            except RunFailed:
                assert done.is_set()

        thread = threading.Thread(target=play)
        thread.start()
        assert cabinet.armed.acquire(timeout=60)
        yield cabinet
        done.set()
        cabinet.end()
        thread.join(20)
