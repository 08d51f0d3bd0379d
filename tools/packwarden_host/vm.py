"""Runs the simulated cabinet as a process of its own, in the MicroPython VM or in CPython.

The process writes lines on an inherited descriptor: `A` that it has armed after a restart, `E` an
event, `C` a console line, `S` the physical truth, `M` what the ticks took, `R` that it is the REPL
from here on, `X` how it ended. When the firmware resets the board, the process ends and is started
again on the same state directory: the board's flash and the memory that survives a reset.
"""

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from packwarden_host import REPOSITORY, image
from packwarden_host.errors import BadInput, RunFailed

VMS = ("micropython", "cpython")
# The simulated chips and the bank live in the same heap as the firmware; its own share is
# measured by the bench. A larger heap is a slower one: collecting walks through all of it.
HEAP = "3m"
# Beyond this a firmware that starts again and again is not waited for.
MOST_RESTARTS = 50
_RESTARTS = ("reset", "watchdog", "panic", "brown_out", "power_off", "soft_reset")
_STOP_S = 3


@dataclass
class Job:
    """What one run is told; the fields are those of the job file that the cabinet reads."""

    source: dict
    end_ms: int | None
    seed: int = 1
    speed: float = 0
    console: str = "none"
    script: list = field(default_factory=list)
    script_every: list | None = None
    truth_every_ms: int | None = None
    meter: bool = False
    faults: list = field(default_factory=list)
    ticks_began_us: int = 0
    pull_at_write: int = 0
    coarse_until_ms: int = 0
    fuzz: list | None = None


class Cabinet:
    """A simulated cabinet in a temporary folder; a context manager that leaves nothing behind.

    `folder` may be filled before `lines` is called. `terminal` is a descriptor that becomes the
    process's stdin and stdout (console mode "stdio").
    """

    def __init__(self, config: dict, vm: str = "micropython", terminal: int | None = None):
        self.config = config
        self.ending: dict = {}
        self.restarts = 0
        self._command = _vm_command(vm)
        self._terminal = terminal
        self._process: subprocess.Popen | None = None
        self._ended = False
        self._chip = secrets.token_hex(6)

    def __enter__(self):
        self._temporary = tempfile.TemporaryDirectory(prefix="packwarden-")
        self.folder = Path(self._temporary.name)
        flash = self.folder / "state" / "flash"
        flash.mkdir(parents=True)
        image.install(flash, REPOSITORY, self.config["bank"]["board"])
        # The first configuration of a board comes as a file.
        (flash / "config.json").write_text(json.dumps(self.config))
        return self

    def __exit__(self, *_):
        self._stop()
        self._temporary.cleanup()

    def lines(self, job: Job) -> Iterator[tuple[str, str]]:
        """Run the cabinet to its end, across resets: (letter, text) of each line but the last `X`.

        Lines of a cabinet that starts again are preceded by ("X", why it ended). Afterwards
        `ending` holds the last `X`. Raises RunFailed when the process dies.
        """
        while True:
            yield from self._one_life(job)
            if self.ending["cause"] not in _RESTARTS:
                break
            self.restarts += 1
            said = self.ending["detail"] or self._last_words()
            if self.restarts > MOST_RESTARTS:
                why = f", last of all: {said}" if said else ""
                raise RunFailed(f"the firmware restarted more than {MOST_RESTARTS} times{why}")
            if self.ending["cause"] == "power_off":
                (self.folder / "state" / "rtc.bin").unlink(missing_ok=True)
            yield "X", json.dumps(self.ending | {"detail": said})
        if self.ending["cause"] == "crash":
            words = self._last_words()
            why = f"{self.ending.get('detail')}{': ' if words else ''}{words}"
            raise RunFailed(f"the simulated cabinet crashed: {why}")

    def end(self) -> None:
        """End the run, from any thread and at any time: `lines` then raises RunFailed."""
        self._ended = True
        self._stop()

    def _one_life(self, job: Job) -> Iterator[tuple[str, str]]:
        with self._started(job) as reader:
            self.ending = {}
            watchdog = None
            for text in reader:
                letter, _, rest = text.rstrip("\n").partition(" ")
                if letter == "X":
                    self.ending = json.loads(rest)
                elif letter == "R":
                    watchdog = _Watchdog(json.loads(rest)["watchdog_ms"], job.speed, self._stop)
                else:
                    yield letter, rest
        if watchdog is not None and not self.ending and not self._ended:
            self.ending = {"cause": watchdog.ends(), "t_ms": None, "ticks": 0, "detail": None}
        if not self.ending:
            assert self._process is not None
            words = self._last_words() or f"no message, exit code {self._process.returncode}"
            raise RunFailed(f"the simulated cabinet died: {words}")

    @contextmanager
    def _started(self, job: Job):
        read_fd, write_fd = os.pipe()
        with os.fdopen(read_fd, encoding="utf-8", errors="replace") as reader:
            try:
                self._start(job, write_fd)
            finally:
                os.close(write_fd)
            try:
                yield reader
                self._wait()
            finally:
                self._stop()

    def _start(self, job: Job, out_fd: int) -> None:
        path = self.folder / "job.json"
        told = {
            "repo": str(REPOSITORY),
            "state_dir": str(self.folder / "state"),
            "hardware": self.config,
            "out_fd": out_fd,
            "restarts": self.restarts,
            "cause": self.ending.get("cause"),
            "chip": self._chip,
        }
        path.write_text(json.dumps(told | asdict(job)))
        start = REPOSITORY / "tools" / "packwarden_sim" / "start.py"
        with (self.folder / "stderr").open("wb") as complaints:
            quiet = self._terminal is None
            self._process = subprocess.Popen(
                [*self._command, str(start), str(path)],
                stdin=subprocess.DEVNULL if quiet else self._terminal,
                stdout=complaints if quiet else self._terminal,
                stderr=complaints,
                pass_fds=[out_fd],
                # Ctrl-C at the terminal is for the host, which then ends this process.
                start_new_session=True,
            )
        if self._ended:  # while it was started
            self._stop()

    def _wait(self) -> None:
        """The lines have ended: so has the process, or it hangs and is ended."""
        assert self._process is not None
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._stop()

    def _stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _last_words(self) -> str:
        """The last line that it wrote on stdout or stderr: what ended it, if it said so."""
        complaints = (self.folder / "stderr").read_text(errors="replace").strip()
        return complaints.splitlines()[-1] if complaints else ""


class _Watchdog:
    """The board's watchdog while a person sits at its REPL, whose time is real; ms None: none."""

    def __init__(self, ms: int | None, speed: float, bite: Callable[[], None]):
        self._bitten = False
        self._bite = bite
        seconds = threading.TIMEOUT_MAX if ms is None else ms / 1000 / (speed or 1)
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True
        self._timer.start()

    def _expire(self) -> None:
        self._bitten = True
        self._bite()

    def ends(self) -> str:
        """Why the REPL has ended, which did not say so: the watchdog, or Ctrl-D at its prompt."""
        self._timer.cancel()
        return "watchdog" if self._bitten else "soft_reset"


def _vm_command(vm: str) -> list[str]:
    if vm not in VMS:
        raise BadInput(f"vm {vm!r} is not one of {', '.join(VMS)}")
    if vm == "cpython":
        return [sys.executable]
    return [micropython_path(), "-X", f"heapsize={HEAP}"]


def micropython_path() -> str:
    """The MicroPython VM beside this Python, or on the PATH; BadInput where there is none."""
    beside = Path(sys.executable).with_name("micropython")
    found = str(beside) if beside.exists() else shutil.which("micropython")
    if found is None:
        raise BadInput("the command micropython is not installed (make setup brings it)")
    return found
