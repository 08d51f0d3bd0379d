"""A terminal at the console of a cabinet, and a screen: `from terminals import Terminal`."""

from types import SimpleNamespace

from flash_chip import Chip, Files
from packwarden import config_text, settings
from packwarden.access import Access
from packwarden.calibration import Calibration
from packwarden.capture_files import CaptureFiles
from packwarden.captures import Captures
from packwarden.commands import COMMANDS
from packwarden.condition.monitor import Monitor
from packwarden.console import PROMPT, Console, shown
from packwarden.journal import Journal
from packwarden.selftest import SelfTest
from packwarden.staging import Staging
from packwarden.timing import Timing
from packwarden.two_slots import TwoSlots
from packwarden.views import Context

PIN = "135790"
BOARD = SimpleNamespace(NAME="cabinet15", MAX_BATTERIES=15, AUX_B=((0, 0),))


class Controls:
    """A board whose button nobody holds until `held`, with a source of numbers that is none."""

    def __init__(self):
        self.held = False
        self.service_min = None

    def service(self, minutes):
        self.service_min = minutes

    def button(self):
        return self.held

    def chip(self):
        return "7061636b7764"

    def random(self, count):
        return bytes(range(count))


def running(files, config):
    """The slots of a board that runs a configuration."""
    slots = TwoSlots(files, "config")
    slots.load()
    for _ in slots.store(settings.SCHEMA, [line.encode() for line in config_text.lines(config)]):
        pass
    return slots


def timing():
    """Twelve ticks of 10 ms: three began 1.5 ms late, the others in time."""
    facts = Timing(10)
    for late_us in [3] * 9 + [1500] * 3:
        facts.began(late_us)
        facts.ended(3000, late_us - 7000, False)
    return facts


class Terminal:
    """Types at a console and reads what it sends, `at_once` bytes after each piece of work.

    `see` reads onto a screen, that begins with a prompt. `flash`: whether it keeps what concerns
    the PIN, called when a reply waits for that; `pause` too. PIN is set, unless `pin` is None.
    """

    def __init__(self, protection, at_once=10**6, pin=PIN):
        self.files = Files(Chip(), fresh=True)
        journal = Journal(self.files, protection.events, 0x1234ABCD)
        ring = Captures(protection)
        captures = CaptureFiles(self.files, ring, protection, journal, lambda: ())
        calibration = Calibration(self.files, protection, ring.anew)
        calibration.load()
        facts = (protection, "cabinet15", "1.2.3", None, timing(), journal)
        self.access = Access()
        self.controls = Controls()
        self.flash = lambda: True
        self.pause = lambda: None
        if pin:
            self.access.set(pin, self.controls.random(16))
            self.access.kept(True)
        slots = running(self.files, protection.bank.config)
        staging = Staging(protection, BOARD, slots, slots.checksum)
        more = (self.access, self.controls, staging, captures)
        more += (calibration, SelfTest(protection), Monitor(protection))
        self.context = Context(COMMANDS, *facts, *more)
        self.console = Console(self.context)
        self.at_once = at_once
        self.screen = Screen().show(PROMPT)

    def type(self, keys):
        """Send keys: text, or bytes for what is none."""
        for byte in keys.encode("ascii") if isinstance(keys, str) else keys:
            self.console.feed(byte)

    def read(self):
        """Work until the console is done; returns all that it sent."""
        text = ""
        while self.console.busy():
            self.console.work()
            if self.console.waits:
                self.access.kept(self.flash())
                staging = self.context.staging
                calibration = getattr(self.context, "calibration", None)
                while staging and staging.storing:
                    staging.step()
                while calibration and calibration.storing:
                    calibration.step()
                selftest = getattr(self.context, "selftest", None)
                if selftest and selftest.due():
                    selftest.done(self.context.timing, calibration)
                self.pause()
            text += self.console.take(self.at_once).decode("ascii")
        return text

    def see(self):
        """Return what stands after the prompt, with | for the cursor."""
        line, at = self.screen.show(self.read()).last()
        assert line.startswith(PROMPT)
        return line[len(PROMPT) : at] + "|" + line[at:]

    def ask(self, line):
        """Enter a line; returns the reply between the echo and the next prompt."""
        self.read()
        self.type(line + "\r")
        text = self.read()
        assert text.startswith(shown(line) + "\r\n")
        assert text.endswith(PROMPT)
        return text[len(line) + 2 : -len(PROMPT)]


class Screen:
    """What a terminal shows: lines of text, and a cursor that moves as the console says."""

    def __init__(self):
        self.lines = [""]
        self.at = 0

    def show(self, text):
        while text:
            text = self._one(text)
        return self

    def last(self):
        """Return the last line and where the cursor stands in it."""
        return self.lines[-1], self.at

    def _one(self, text):
        line = self.lines[-1]
        if text.startswith("\x1b[C"):
            self.at += 1
            return text[3:]
        if text.startswith("\x1b[K"):
            self.lines[-1] = line[: self.at]
            return text[3:]
        if text.startswith("\r\n"):
            self.lines.append("")
            self.at = 0
            return text[2:]
        if text[0] == "\b":
            self.at -= 1
        else:
            assert text[0].isprintable()
            self.lines[-1] = line[: self.at] + text[0] + line[self.at + 1 :]
            self.at += 1
        assert 0 <= self.at <= len(self.lines[-1])
        return text[1:]
