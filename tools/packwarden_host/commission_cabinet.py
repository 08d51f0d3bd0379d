"""The cabinet that is commissioned: what its console tells, waiting for it, operating it.

Time is the cabinet's own, of its replies: a simulated cabinet may be as fast as it likes.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from statistics import median
from typing import Any

from packwarden_host import pin, visit
from packwarden_host.commission_progress import Cabinet as Identity
from packwarden_host.dialogue import Dialogue, Refused
from packwarden_host.errors import BadInput, RunFailed

HANDS_S = 600.0  # of the cabinet: how long a person may take for what is asked
MAIN = "main"
_SOON_S = 15.0
POLL_S = 0.1  # of the host, between two looks


class Seen(visit.Bank):
    """The reply to `bank`."""

    t_ms: int

    def state(self, place: str) -> str:
        """The state of a breaker: of "3", or "main"."""
        return self.main if place == MAIN else self.batteries[int(place) - 1].breaker

    def current(self, place: str) -> float:
        """What flows through a breaker, in A; 0 where a sensor has failed."""
        found = self.current_A if place == MAIN else self.batteries[int(place) - 1].current_A
        return found or 0.0

    def places(self) -> list[str]:
        """All breakers, the main one last."""
        return [str(one.battery) for one in self.batteries] + [MAIN]

    def terminals(self) -> dict[str, float | None]:
        """The temperatures in degC, by "3+"."""
        found: dict[str, float | None] = {}
        for one in self.batteries:
            found[f"{one.battery}+"] = one.plus_degC
            found[f"{one.battery}-"] = one.minus_degC
        return found

    def middle_V(self) -> float:
        """The median of the batteries' voltages."""
        return median(one.voltage_V for one in self.batteries if one.voltage_V is not None)


Met = Callable[[Seen], bool]


def label(place: str) -> str:
    """A breaker as it stands on its label: Q03, or "the main"."""
    return "the main" if place == MAIN else f"Q{int(place):02d}"


class Cabinet:
    """A cabinet at the other end of a dialogue. RunFailed where a reply cannot be read."""

    def __init__(self, dialogue: Dialogue, secret: str | None):
        """`secret`: its PIN, or None: it is asked for when it is needed."""
        self.dialogue = dialogue
        self._secret = secret
        self.settings = self.json("settings")
        self.batteries: int = self.settings["bank"]["batteries"]
        self.rated_A: float = self.settings["bank"]["rated_current_A"]
        self.places = [str(k + 1) for k in range(self.batteries)] + [MAIN]
        self.contactors = self.settings["breakers"]["kind"] == "contactor"
        self.contacts = self.settings["breakers"]["feedback"] != "none"
        main_shunt = self.settings["sensors"].get("main_shunt_uohm", 0) > 0
        self.zeroed = self.places if main_shunt else self.places[:-1]  # whose current has a zero

    def identity(self) -> Identity:
        """Which one it is."""
        version = self.json("version")
        if "chip" not in version:
            raise RunFailed(f"{self.dialogue.port}: its firmware tells no chip: deploy it anew")
        return Identity(
            board=version["board"],
            chip=version["chip"],
            firmware=version["packwarden"],
            configuration=self.json("config")["hash"],
            batteries=self.batteries,
            rated_current_A=float(self.rated_A),
        )

    def keeps(self, step: str) -> bool:
        """Whether what a step has stored on the board is still there."""
        if step == "zero":
            corrections = self.json("calibration")["corrections"]
            zeros = {one["where"] for one in corrections if one["what"] == "zero"}
            return zeros >= set(self.zeroed)
        if step == "baseline":
            told = (*self.json("joints"), *self.json("feed")["shares"], *self.json("resistances"))
            return any(row[key] for row in told for key in row if "baseline" in key)
        return True

    def json(self, question: str) -> Any:
        """The reply to a question as data."""
        try:
            return json.loads(self.dialogue.ask(f"{question} --json"))
        except ValueError as error:
            raise RunFailed(f"{self.dialogue.port}: the reply to {question} is garbled") from error

    def bank(self) -> Seen:
        """What is measured now."""
        return Seen.model_validate(self.json("bank"))

    def until(self, told: str, met: Met, patience_s: float = HANDS_S) -> Seen | None:
        """Wait until the bank is so, while a person is told what for; None if it never was."""
        seen = self.bank()
        until_ms = seen.t_ms + round(patience_s * 1000)
        with _waiting(told) as still:
            while not met(seen):
                if seen.t_ms > until_ms:
                    return None
                still(max(0, until_ms - seen.t_ms) // 1000)
                time.sleep(POLL_S)
                seen = self.bank()
        return seen

    def after(self, seconds: float) -> Seen:
        """What is measured when so much of the cabinet's time has passed."""
        at_ms = self.bank().t_ms + round(seconds * 1000)
        found = self.until("", lambda seen: seen.t_ms >= at_ms, seconds + _SOON_S)
        assert found is not None
        return found

    def operate(self, line: str) -> str:
        """Enter what takes the PIN; return the reply. Refused as the cabinet says it."""
        try:
            return self.dialogue.ask(line).strip()
        except Refused as error:
            if not error.reason.startswith("locked:"):
                raise
        self._unlock()
        return self.dialogue.ask(line).strip()

    def check_pin(self) -> None:
        """RunFailed where no PIN is set: nothing can be operated then."""
        if self.json("status")["pin"] == "missing":
            port = self.dialogue.port
            raise RunFailed(f"{port}: no PIN is set: packwarden console {port}, then pin NEW")

    def _unlock(self) -> None:
        """Unlock it; a person who mistypes is asked again. RunFailed: no step may go on then."""
        while True:
            asked = self._secret is None and sys.stdin.isatty()
            secret = None
            try:
                secret = pin.given(self._secret)
                self.dialogue.unlock(secret)
            except BadInput as error:
                if not asked:
                    raise
                print(error, file=sys.stderr, flush=True)
            except Refused as error:
                if not asked or "wrong PIN" not in error.reason:
                    raise RunFailed(f"{error}; nothing more was sent") from error
                print(error.reason, file=sys.stderr, flush=True)
            else:
                self._secret = secret
                return

    def lock(self) -> None:
        """Leave nothing unlocked behind, if there still is somebody."""
        try:
            self.dialogue.interrupt()
            self.dialogue.ask("lock")
        except RunFailed:
            pass

    def reset(self, place: str) -> str | None:
        """Release a breaker that was tripped for a test; return why it cannot be."""
        refused = None

        def released(_: Seen) -> bool:
            nonlocal refused
            try:
                self.operate(f"reset {place}")
                refused = None
            except Refused as error:
                refused = error.reason
            return refused is None or "is not open yet" not in refused

        self.until("", released, _SOON_S)
        return refused

    def lockouts(self) -> dict[str, dict]:
        """What is locked out, by breaker: see the console's `lockout`."""
        return {
            MAIN if one["battery"] is None else str(one["battery"]): one
            for one in self.json("lockout")
        }

    def close_permitted(self, seen: Seen) -> None:
        """Tell an open contactor to close, the main one first, if nothing is in its way.

        A load that comes just then is in its way: later, perhaps.
        """
        for place in (MAIN, *self.places[:-1]):
            if seen.state(place) == "open" and not self.waits(place):
                with suppress(Refused):
                    self.operate(f"close {place}")
                return

    def waits(self, place: str) -> list[str]:
        """What a breaker waits for before it may be closed."""
        return self.json(f"permit {place}")[0]["waits"]


@contextmanager
def _waiting(told: str) -> Iterator[Callable[[int], None]]:
    """Tell what is waited for: with the time that is left on a terminal, else in a line."""
    if told and sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True, highlight=False).status(told) as status:
            yield lambda left_s: status.update(f"{told} ({left_s // 60} min {left_s % 60} s left)")
        return
    said = not told

    def once(_: int) -> None:
        nonlocal said
        if not said:
            print(told, file=sys.stderr, flush=True)
        said = True

    yield once
