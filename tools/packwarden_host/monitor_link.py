"""The monitor's side of the port: asks a cabinet round after round, and again when it is lost.

It only looks: nothing that it asks operates anything, or needs a PIN.
"""

import json
import queue
import threading
import time
from collections.abc import Callable

from textual.message import Message

from packwarden_host import events
from packwarden_host.dialogue import Dialogue
from packwarden_host.errors import BadInput, RunFailed

PERIOD_S = 1.0
RETRY_S = 1.0
# A cabinet that is silent for so long is asked anew: it may have restarted, or the cable is out.
PATIENCE_S = 3.0
_EACH_ROUND = ("bank", "status")
_NOW_AND_THEN = ("version", "settings", "timing")
_ROUNDS = 5
# What the view takes from each reply: another version may not tell it.
_TOLD = {
    "status": "armed t_s warn alarm trip locked_out charge_allowed discharge_allowed active boot"
    " sensors_failed degraded controller restart journal_fails picked_up",
    "bank": "batteries main fan alarm",
    "version": "packwarden board",
    "settings": "bank",
    "timing": "tick_ms missed_ticks worst_late_us worst_work_us least_heap_free_bytes",
}
# Events that are not kept yet are asked for again until they are; not more of them than this.
# Where more come, it is worth telling how far that is.
_FEW = 20


class Heard(Message):
    """The reply to a question, decoded."""

    def __init__(self, question: str, reply: dict):
        super().__init__()
        self.question = question
        self.reply = reply


class HeardEvents(Message):
    """Events that are new, or kept now. `anew`: none of those from before is this cabinet's."""

    def __init__(self, events: list[dict], anew: bool):
        super().__init__()
        self.events = events
        self.anew = anew


class Fetching(Message):
    """So many events have come, of many; nothing else is asked meanwhile."""

    def __init__(self, count: int):
        super().__init__()
        self.count = count


class Lost(Message):
    """No connection; it is tried again."""

    def __init__(self, reason: str):
        super().__init__()
        self.reason = reason


class Link:
    """A thread that talks to the cabinet and hands messages to `post`, from that thread.

    It begins with a dialogue that is opened, not yet entered, and opens the next ones itself.
    """

    def __init__(self, dialogue: Dialogue, post: Callable[[Message], object]):
        self.port = dialogue.port
        self._dialogue: Dialogue | None = dialogue
        self._post = post
        self._jobs: queue.SimpleQueue[Callable[[Dialogue], Message | None]] = queue.SimpleQueue()
        self._done = threading.Event()
        self._boot = 0
        self._since: int | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """End, whatever is waited for. From any other thread."""
        self._done.set()
        dialogue = self._dialogue
        if dialogue:
            dialogue.line.silent_s = 0
        self._jobs.put(lambda _: None)
        self._thread.join(PATIENCE_S)

    def ask(self, job: Callable[[Dialogue], Message | None]) -> None:
        """Do something between two rounds, and post what it returns; dropped when that is lost."""
        self._jobs.put(job)

    def fetch(self, dialogue: Dialogue, since: int | None) -> list[str]:
        """Fetch events (see `events.fetch`), and tell how far that is. From the thread only."""

        def tell(count: int) -> None:
            if count > _FEW:
                self._post(Fetching(count))

        return events.fetch(dialogue, since, tell)

    def _run(self) -> None:
        while not self._done.is_set():
            try:
                self._dialogue = self._dialogue or Dialogue(self.port, PATIENCE_S)
                with self._dialogue as dialogue:
                    self._talk(dialogue)
            except (BadInput, RunFailed) as error:
                self._lose(str(error).removeprefix(f"{self.port}: "))
            self._dialogue = None
            self._done.wait(RETRY_S)

    def _lose(self, reason: str) -> None:
        while not self._jobs.empty():
            self._jobs.get()
        if not self._done.is_set():
            self._post(Lost(reason))

    def _talk(self, dialogue: Dialogue) -> None:
        rounds = 0
        while not self._done.is_set():
            for question in _EACH_ROUND if rounds % _ROUNDS else _NOW_AND_THEN + _EACH_ROUND:
                reply = self._reply(dialogue, question)
                self._post(Heard(question, reply))
                if question == "status":
                    self._look_for_events(dialogue, reply["boot"])
            rounds += 1
            self._work(dialogue)

    def _reply(self, dialogue: Dialogue, question: str) -> dict:
        text = dialogue.ask(f"{question} --json")
        try:
            reply = json.loads(text)
            missing = [name for name in _TOLD[question].split() if name not in reply]
        except (ValueError, TypeError):
            raise RunFailed(f"{self.port}: the reply to {question} is garbled") from None
        if missing:
            raise RunFailed(f"{self.port}: its {question} does not tell {' '.join(missing)}")
        return reply

    def _look_for_events(self, dialogue: Dialogue, boot: int) -> None:
        anew = boot < self._boot  # another cabinet, or its flash was erased
        self._boot = boot
        if anew:
            self._since = None
        found = events.decoded(self.fetch(dialogue, self._since))
        if found:
            last = found[-1]["seq"] + 1
            unkept = next((event["seq"] for event in found if not event["kept"]), last)
            self._since = max(unkept, last - _FEW)
        if found or anew:
            self._post(HeardEvents(found, anew))

    def _work(self, dialogue: Dialogue) -> None:
        """Do the jobs that come until the next round is due."""
        due_s = time.monotonic() + PERIOD_S
        while (left_s := due_s - time.monotonic()) > 0:
            try:
                message = self._jobs.get(timeout=left_s)(dialogue)
            except queue.Empty:
                return
            if message:
                self._post(message)
