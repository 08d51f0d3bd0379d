"""The held safe state: outputs as after a failure, no protection, and a console that says why.

It takes the place of the cabinet where restarts by a fault are a loop, where the image is not what
was deployed, or where no configuration is good any more, until a person ends it, or pushes another
configuration. No watchdog runs: there is nothing that it could save,
and a restart would move outputs.
"""

import gc
import time

from esp32 import NVS
from micropython import const

import board
import flash
import memory
import service
from buses import Buses
from controls import Controls
from outputs import Outputs
from packwarden import VERSION, elements, held, levels, records, restart
from packwarden.access import Access
from packwarden.console import Console
from packwarden.fixed import NONE
from packwarden.journal import Journal
from retained import ACCESS, NAMESPACE, restore_access
from terminal import Terminal
from update import Update

_NAP_us = const(2000)
_LOOK_ms = const(1000)  # how often the time goes on and the relays are looked at
_LAST_ms = const(1000)  # what the console has for its last words

current = None  # the hold that runs, for whoever looks at it from outside


class Hold:
    """The cabinet as long as it is held."""

    def __init__(self, pins, before, wrong, lost=None):
        """Bring the outputs to their level first. `pins` as a `Cabinet` has them.

        `before`: the Restart; `wrong`: what is wrong with the image, [text]; `lost`: the
        Configuration of which nothing is good any more.
        """
        self._before = before
        self._outputs = Outputs(board, Buses(board), pins)
        self._outputs.boot(before.outputs)
        self._outputs.fail_safe(before.outputs)
        if before.pulse_ms:
            time.sleep_ms(before.pulse_ms)
            self._outputs.fail_safe(0)
        self.events = records.EventLog()
        self._journal = Journal(flash, self.events, 0, memory.events())
        self._looked_ms = time.ticks_ms()
        self._access = Access()
        self._nvs = None
        self._controls = Controls()
        holds = before.outputs > 0 and not before.pulse_ms
        protection = held.Unprotected(self.events, before, holds)
        self._update = Update(protection, lost) if lost else None
        staging = self._update.staging if self._update else None
        facts = (protection, board.NAME, VERSION, self._journal)
        self._context = held.Context(*facts, self._access, self._controls, wrong, staging)
        self._settles = self._settled
        self._console = Console(self._context)
        self._terminal = Terminal(self._console)

    def _record(self):
        """Keep why it is held. Whatever that brings up, the console has to answer."""
        before = self._before
        try:
            self._journal.open(before.began)
        except Exception:
            self._journal.failed = True
        self.events.boot(before.began)
        for detail in (
            before.detail,
            restart.LOOP if before.looping else 0,
            restart.IMAGE if self._context.wrong else 0,
            restart.CONFIGURATION if self._update else 0,
        ):
            if detail:
                self._fault(detail)
        self._commit()

    def _fault(self, detail):
        number = elements.find("controller_fault")
        codes = (records.FAULT, levels.ALARM, number, 0, 0, levels.ALARM_RELAY, 0, detail)
        self.events.write(*codes, NONE, NONE, NONE, NONE)

    def _restore_access(self):
        try:
            self._nvs = NVS(NAMESPACE)
        except OSError:
            pass
        restore_access(self._access, self._nvs)

    def _keep_access(self):
        """Write the PIN, or a try, to NVS: a reply waits for that."""
        try:
            if self._nvs is None:
                self._nvs = NVS(NAMESPACE)
            self._nvs.set_blob(ACCESS, self._access.dump())
            self._nvs.commit()
            self._access.kept(True)
        except OSError:
            self._access.kept(False)

    def _commit(self):
        try:
            self._journal.commit()
        except Exception:
            self._journal.failed = True

    def _settled(self):
        return not self._console.busy()

    def run(self):
        """Answer on the console until a person wants it to start again, or service mode."""
        self._record()
        self._restore_access()
        self._console.greet()
        while not (self._context.released or self._controls.service_min):
            self._serve()
        released_ms = time.ticks_ms()
        while self._console.busy() and time.ticks_diff(time.ticks_ms(), released_ms) < _LAST_ms:
            self._serve()
        self._commit()
        if self._controls.service_min:
            service.ask(self._controls.service_min)
            self._before.acknowledge()  # who repairs it wants it to start again
        self._before.ends()

    def _serve(self):
        if not self._terminal.serve():
            time.sleep_us(_NAP_us)
        if self._console.waits and self._access.changed:
            self._keep_access()
        if self._update and self._update.due(self._settles):
            self._commit()
            self._update.run()
        if time.ticks_diff(time.ticks_ms(), self._looked_ms) >= _LOOK_ms:
            self._looked_ms = time.ticks_add(self._looked_ms, _LOOK_ms)
            self.events.seconds += 1
            self._outputs.look()
            gc.collect()
