"""`packwarden monitor PORT`: a live view of a cabinet, that survives an unplugged cable."""

import asyncio
import signal
import sys
import time
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Footer, Static

from packwarden_host import events, output
from packwarden_host.console import await_link
from packwarden_host.dialogue import Dialogue
from packwarden_host.errors import BadInput
from packwarden_host.monitor_link import PATIENCE_S, Fetching, Heard, HeardEvents, Link, Lost
from packwarden_host.monitor_view import Known

_LOOK_S = 0.5  # how often the age of what is shown is looked at
_NOTICE_S = 10
_WIDE = 150


def run(port: str) -> int:
    """Show a cabinet until the user leaves; BadInput where the port cannot be opened now."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise BadInput("monitor needs a terminal; in a pipe use packwarden console or events")
    await_link(port)
    monitor = Monitor(Dialogue(port, PATIENCE_S))
    code = monitor.run()
    for path in monitor.exported:
        output.line(f"exported: {path}")
    return code or 0


class Answered(Message):
    """The console's reply to a question of the user."""

    def __init__(self, question: str, text: str):
        super().__init__()
        self.question = question
        self.text = text


class Fetched(Message):
    """All events of the cabinet, a JSON object each, for a file of this form."""

    def __init__(self, form: str, lines: list[str]):
        super().__init__()
        self.form = form
        self.lines = lines


# The keys of the view, which are those of a reply above it as well: key, action, what it shows.
_KEYS = (
    ("w", "ask('why')", "Why"),
    ("e", "history", "Events"),
    ("s", "ask('status')", "Status"),
    ("l", "ask('lockout')", "Lockout"),
    ("d", "ask('degraded')", "Degraded"),
    ("t", "ask('timing')", "Timing"),
    ("c", "export('csv')", "CSV"),
    ("j", "export('jsonl')", "JSONL"),
    ("q", "quit", "Quit"),
)


class Reply(ModalScreen[None]):
    """A reply of the console, until a key is pressed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,space", "dismiss", "Close"),
        *(Binding(key, f"app.{action}") for key, action, _ in _KEYS),
    ]

    def __init__(self, question: str, text: str):
        super().__init__()
        self._question = question
        self._text = text

    def compose(self) -> ComposeResult:
        """Lay out the reply in a frame, scrolled where it is longer."""
        with Vertical(id="reply") as frame:
            frame.border_title = self._question
            frame.border_subtitle = "Esc closes, other keys as below"
            with VerticalScroll():
                yield Static(Text(self._text))


class Monitor(App[int]):
    """The view. Takes a dialogue that is opened, not entered."""

    ENABLE_COMMAND_PALETTE = False
    NOTIFICATION_TIMEOUT = _NOTICE_S
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_WIDE, "-wide")]
    CSS = """
    Screen { background: $background; }
    .line { height: auto; }
    #state { text-style: bold; }
    #body { height: 1fr; overflow-y: auto; }
    #batteries { height: auto; width: 1fr; }
    #events { height: 1fr; min-height: 1; scrollbar-size-vertical: 1; }
    .-wide #body { layout: horizontal; }
    #history { min-height: 100%; }
    .-wide #batteries { min-width: 104; margin-right: 2; }
    .-wide #events { width: 1fr; height: 100%; }
    .history #batteries { display: none; }
    .out #body { text-opacity: 50%; }
    Reply { align: center middle; }
    #reply { width: 100%; max-width: 100; height: auto; max-height: 90%; padding: 0 1; }
    #reply { border: round $primary; }
    #reply VerticalScroll { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(*one) for one in _KEYS),
        Binding("ctrl+c", "quit", show=False, priority=True),
    ]

    def __init__(self, dialogue: Dialogue):
        super().__init__()
        self.known = Known(dialogue.port)
        self.exported: list[Path] = []
        self._link = Link(dialogue, self.post_message)

    def compose(self) -> ComposeResult:
        """Lay out lines about the whole, the batteries, and the events below or beside them."""
        for name in ("link", "bank", "state", "timing"):
            yield Static(id=name, classes="line")
        with Container(id="body"):
            yield Static(id="batteries")
            with VerticalScroll(id="events"):
                yield Static(id="history")
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Begin to ask, and to watch the age of what is shown."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.exit, 128 + number)
        self.set_interval(_LOOK_S, self._show_link)
        self._show_link()
        self.query_one("#events").anchor()
        self._link.start()

    def on_unmount(self) -> None:
        """Ask no more."""
        self._link.stop()

    def on_heard(self, message: Heard) -> None:
        """Show a reply."""
        now_s = time.monotonic()
        if self.known.out(now_s):
            self.clear_notifications()
        self.known.hear(message.question, message.reply, now_s)
        self._show("bank", self.known.bank())
        self._show("state", self.known.state())
        self._show("timing", self.known.timing())
        self._show("batteries", self.known.batteries())
        self._show_link()

    def on_heard_events(self, message: HeardEvents) -> None:
        """Show events, the newest at the bottom."""
        self.known.hear_events(message.events, message.anew)
        self._show("history", self.known.history())

    def on_lost(self, message: Lost) -> None:
        """Say that what is shown is no longer so."""
        self.known.trouble = message.reason
        self.known.busy = ""
        self._show_link()

    def on_answered(self, message: Answered) -> None:
        """Show what the user has asked for."""
        self._close_reply()
        self.push_screen(Reply(message.question, message.text))

    def on_fetching(self, message: Fetching) -> None:
        """Say how far that is."""
        self.known.busy = f"fetching events, {message.count} so far"
        self._show_link()

    def on_fetched(self, message: Fetched) -> None:
        """Write the events that were fetched to a file, and say where."""
        self.known.busy = ""
        path = _free_path(message.form)
        try:
            output.write_whole(path, events.as_file(message.lines, message.form))
        except BadInput as error:
            self.notify(str(error), title="Not exported", severity="error")
            return
        self.exported.append(path)
        said = f"{len(message.lines)} events: {path.name} in {path.parent}"
        self.notify(said, title="Exported")

    def action_ask(self, question: str) -> None:
        """Ask the console, and show its reply."""
        if self._connected():
            self._link.ask(lambda dialogue: Answered(question, dialogue.ask(question)))

    def action_export(self, form: str) -> None:
        """Write all events that the cabinet has to a file: csv or jsonl."""
        if self._connected():
            self._link.ask(lambda dialogue: Fetched(form, self._link.fetch(dialogue, 0)))

    def action_history(self) -> None:
        """Show only the events, or the batteries again."""
        self._close_reply()
        self.screen.toggle_class("history")
        self.query_one("#events").focus()

    def _close_reply(self) -> None:
        if isinstance(self.screen, Reply):
            self.pop_screen()

    def _connected(self) -> bool:
        out = self.known.out(time.monotonic())
        if out:
            self.notify("no cabinet answers: try again when one does", severity="warning")
        return not out

    def _show_link(self) -> None:
        now_s = time.monotonic()
        self._show("link", self.known.link(now_s))
        self.screen_stack[0].set_class(self.known.out(now_s), "out")

    def _show(self, name: str, what) -> None:
        # While the view is being left, messages come and the widgets are gone.
        for widget in self.screen_stack[0].query(f"#{name}").results(Static):
            widget.update(what)


def _free_path(form: str) -> Path:
    """Return where to export to: a name that nothing has yet."""
    stem = time.strftime("packwarden-events-%Y%m%d-%H%M%S")
    names = (f"{stem}{more}.{form}" for more in ("", *(f"-{k}" for k in range(2, 100))))
    return next(path for path in (Path.cwd() / name for name in names) if not path.exists())
