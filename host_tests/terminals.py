"""A terminal at the console of a cabinet, and a screen: `from terminals import Terminal`."""

from flash_chip import Chip, Files
from packwarden.console import PROMPT, Console
from packwarden.journal import Journal
from packwarden.timing import Timing
from packwarden.views import Context


def timing():
    """Twelve ticks of 10 ms: three began 1.5 ms late, the others in time."""
    facts = Timing(10)
    for late_us in [3] * 9 + [1500] * 3:
        facts.began(late_us)
        facts.ended(3000, late_us - 7000, False)
    return facts


class Terminal:
    """Types at a console and reads what it sends, `at_once` bytes after each piece of work.

    `see` reads onto a screen, that begins with a prompt.
    """

    def __init__(self, protection, at_once=10**6):
        journal = Journal(Files(Chip(), fresh=True), protection.events, 0x1234ABCD)
        self.context = Context(protection, "cabinet15", "1.2.3", timing(), journal)
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
        assert text.startswith(line + "\r\n")
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
