"""The console: one line-based dialogue for people and programs, in bounded pieces.

Bytes come in by `feed`, go out of `take`; `work` produces one piece of the running reply. Nothing
here may run in the control step; whatever arrives, the worst that happens is an error line.
"""

from micropython import const

from packwarden.replies import Refused

PROMPT = "packwarden> "
LINE_MAX = const(120)  # longer lines are refused as a whole
OUTPUT_MAX = const(1024)
_HISTORY = const(4)
_SECRETIVE = ("unlock ", "pin ")  # what follows them is for nobody's eyes

_CTRL_A = const(1)
_CTRL_C = const(3)
_CTRL_E = const(5)
_BACKSPACE = const(8)
_NEWLINE = const(10)
_RETURN = const(13)
_CTRL_U = const(21)
_ESCAPE = const(27)
_DELETE = const(127)

# The ends of the escape sequences that terminals send, and what they mean.
_KEYS = {"A": "up", "B": "down", "C": "right", "D": "left", "H": "home", "F": "end"}
_TILDE_KEYS = {"1": "home", "3": "delete", "4": "end", "7": "home", "8": "end"}


def shown(line):
    """Return a line, or the beginning of one, as it may be seen: with asterisks for a PIN."""
    for command in _SECRETIVE:
        at = line.find(command)
        if at >= 0 and not line[:at].replace("--json", "").strip():
            at += len(command)
            return line[:at] + "".join([" " if char == " " else "*" for char in line[at:]])
    return line


class Editor:
    """Line editing over one line of printable ASCII; `echo` takes what the terminal must show."""

    def __init__(self, echo):
        self._echo = echo
        self._history = []
        self.clear()

    def clear(self):
        """Begin an empty line."""
        self.line = ""
        self.too_long = False
        self._secret = False  # there has been a PIN in it
        self._at = 0
        self._escape = ""  # what has come of an escape sequence, with its ESC
        self._back = 0

    def enter(self):
        """Return the line that was finished, keep it in the history, and begin anew."""
        line = self.line
        if line.strip() and line not in self._history[:1] and not self._secret:
            self._history.insert(0, line)
            del self._history[_HISTORY:]
        self.clear()
        return line

    def key(self, byte):
        """Take a byte that is neither an end of line nor Ctrl-C."""
        if self._escape:
            self._sequence(chr(byte) if 32 <= byte < 127 else "")
        elif byte == _ESCAPE:
            self._escape = "\x1b"
        elif byte in (_BACKSPACE, _DELETE):
            self._erase(self._at - 1)
        elif byte == _CTRL_U:
            self._show("", 0)
            self.too_long = False
        elif byte == _CTRL_A:
            self._move(0)
        elif byte == _CTRL_E:
            self._move(len(self.line))
        elif 32 <= byte < 127 and not self.too_long:
            self._insert(chr(byte))

    def _insert(self, text):
        if len(self.line) >= LINE_MAX:
            self.too_long = True
            return
        behind = self.line[self._at :]
        self.line = self.line[: self._at] + text + behind
        self._at += 1
        self._echo(self._seen(self.line)[self._at - 1 :] + "\b" * len(behind))

    def _seen(self, line):
        """Return the line as it may be seen; what was a PIN stays none whatever is edited."""
        seen = shown(line)
        self._secret = line != "" and (self._secret or seen != line)
        if self._secret and seen == line:
            seen = "".join(["*" if char.isdigit() else char for char in line])
        return seen

    def _erase(self, at):
        if 0 <= at < len(self.line):
            self._show(self.line[:at] + self.line[at + 1 :], at)

    def _move(self, at):
        at = max(0, min(at, len(self.line)))
        step = "\x1b[C" if at > self._at else "\b"
        self._echo(step * abs(at - self._at))
        self._at = at

    def _show(self, line, at):
        """Draw another line in the place of this one, with the cursor at `at`."""
        self._echo("\b" * self._at + self._seen(line) + "\x1b[K" + "\b" * (len(line) - at))
        self.line = line
        self._at = at

    def _sequence(self, char):
        """Take a character of an escape sequence: ESC [ digits letter, or ESC O letter."""
        begun = self._escape
        if char in ("[", "O") and begun == "\x1b":
            self._escape = "\x1b["
        elif char and char in "0123456789;" and 1 < len(begun) < 8:
            self._escape = begun + char
        else:
            self._escape = ""
            if char == "~":
                self._perform(_TILDE_KEYS.get(begun[2:], ""))
            elif len(begun) > 1:
                self._perform(_KEYS.get(char, ""))

    def _perform(self, name):
        if name == "left":
            self._move(self._at - 1)
        elif name == "right":
            self._move(self._at + 1)
        elif name == "home":
            self._move(0)
        elif name == "end":
            self._move(len(self.line))
        elif name == "delete":
            self._erase(self._at)
        elif name in ("up", "down"):
            self._back = max(0, min(self._back + (1 if name == "up" else -1), len(self._history)))
            line = self._history[self._back - 1] if self._back else ""
            self._secret = False  # no line of the history has one
            self._show(line, len(line))


class Console:
    """The dialogue. `context` holds the commands, and what they look at: see `views`."""

    def __init__(self, context):
        self._context = context
        self._editor = Editor(self._put)
        self._output = ""
        self._reply = None
        self.waits = False  # the reply that runs waits for others: see `Command.run`
        self._ahead = ""
        self._last = 0

    def greet(self):
        """Say who is there and prompt."""
        self._put("\r\nPackwarden " + self._context.version + ': type "help"\r\n' + PROMPT)

    def feed(self, byte):
        """Take a received byte (0 .. 255). While a reply runs it waits; Ctrl-C ends the reply."""
        if byte == _NEWLINE and self._last == _RETURN:
            pass  # two bytes, one end of a line
        elif byte == _CTRL_C:
            self._reply = None
            self.waits = False
            self._ahead = ""
            self._editor.clear()
            self._put("^C\r\n" + PROMPT)
        elif self._reply is not None:
            if len(self._ahead) < LINE_MAX:
                self._ahead += chr(byte)
        elif byte in (_RETURN, _NEWLINE):
            self._enter()
        else:
            self._editor.key(byte)
        self._last = byte

    def busy(self):
        """Return True while there is a piece to produce or a byte to send."""
        return self._reply is not None or self._output != ""

    def work(self):
        """Produce one piece of the running reply, if there is room for it."""
        if self._reply is None or len(self._output) > OUTPUT_MAX // 2:
            return
        try:
            piece = next(self._reply)
            self.waits = piece is None
            if piece:
                self._put(piece)
        except StopIteration:
            self._end()
        except Refused as refusal:
            self._put("error: " + refusal.args[0] + "\r\n")
            self._end()
        except Exception as error:  # out of memory, for one: that ends a reply, not protection
            self._put("error: no reply (" + type(error).__name__ + ")\r\n")
            self._end()

    def take(self, most):
        """Return up to `most` bytes to send."""
        piece = self._output[:most]
        self._output = self._output[most:]
        return piece.encode()

    def _end(self):
        self._reply = None
        self.waits = False
        self._put(PROMPT)
        ahead = self._ahead
        self._ahead = ""
        if ahead:
            self._last = 0  # it came after what is taken now
        for char in ahead:
            self.feed(ord(char))

    def _put(self, text):
        """Queue text; what does not fit is dropped: a stalled terminal must not cost memory."""
        self._output += text[: OUTPUT_MAX - len(self._output)]

    def _enter(self):
        self._put("\r\n")
        if self._editor.too_long:
            self._editor.clear()
            self._put("error: a line may have %d characters\r\n%s" % (LINE_MAX, PROMPT))
            return
        words = self._editor.enter().split()
        if not words:
            self._put(PROMPT)
            return
        as_json = "--json" in words
        words = [word for word in words if word != "--json"]
        command = self._context.commands.get(words[0]) if words else None
        if command is None:
            name = words[0] if words else "--json"
            self._put('error: no command "%s"; type "help"\r\n%s' % (name[:32], PROMPT))
            return
        self._reply = command.run(self._context, words[1:], as_json)
