"""The dialogue: editing as it looks, history, garbage, long lines, Ctrl-C, typed-ahead input."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinets import Cabinet
from packwarden.commands import COMMANDS
from packwarden.console import LINE_MAX, OUTPUT_MAX, PROMPT
from terminals import Terminal

UP, DOWN, RIGHT, LEFT = "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D"
HOME, END, DELETE = "\x1b[H", "\x1b[F", "\x1b[3~"
VERSION = "Packwarden 1.2.3 on cabinet15\r\n"
CABINET = Cabinet()


@pytest.fixture
def terminal():
    return Terminal(CABINET.protection)


def shown(terminal, keys):
    terminal.type(keys)
    return terminal.see()


def test_it_says_who_is_there(terminal):
    terminal.console.greet()
    assert terminal.read() == '\r\nPackwarden 1.2.3: type "help"\r\n' + PROMPT


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_a_line_ends_with_return_newline_or_both(terminal, end):
    for _ in range(3):
        terminal.type("version" + end)
        assert terminal.read() == "version\r\n" + VERSION + PROMPT


def test_an_empty_line_gives_a_prompt(terminal):
    terminal.type("\r")
    assert terminal.read() == "\r\n" + PROMPT
    terminal.type("   \r")
    assert terminal.read() == "   \r\n" + PROMPT


def test_an_unknown_command_is_an_error_line(terminal):
    assert terminal.ask("trip 3") == 'error: no command "trip"; type "help"\r\n'
    assert terminal.ask("--json") == 'error: no command "--json"; type "help"\r\n'
    assert terminal.ask("x" * 100) == f'error: no command "{"x" * 32}"; type "help"\r\n'


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("status", "status|"),
        ("statsu\b\bus", "status|"),
        ("statsu\x7f\x7fus", "status|"),
        ("stats" + LEFT + "u", "statu|s"),
        ("tatus\x01s", "s|tatus"),
        ("tatu" + HOME + "s" + END + "s", "status|"),
        ("tatu\x1bOHs\x1bOFs", "status|"),
        ("tatu\x1b[1~s\x1b[4~s", "status|"),
        ("tatu\x1b[7~s\x1b[8~s", "status|"),
        ("statu\x01" + RIGHT + "\x05s", "status|"),
        ("xstatus" + HOME + DELETE, "|status"),
        ("statusx" + LEFT + DELETE, "status|"),
        ("garbage\x15bank", "bank|"),
        ("bank\x15", "|"),
        ("ab" + LEFT * 5 + "\b" + DELETE + "c", "c|b"),
        ("ab" + RIGHT * 5 + DELETE + "c", "abc|"),
        ("ba" + "\x1b[5~" + "nk", "bank|"),
        ("ba" + "\x1b[200~" + "nk", "bank|"),
        ("ba" + "\x1b[1;5C" + "nk", "bank|"),
        ("ba\x1bxnk", "bank|"),
        ("ba\x1b[1234567890nk", "ba890nk|"),
        ("ba\t\x00\x02nk", "bank|"),
        (b"ba\xc3\xa4\xff\x80nk", "bank|"),
    ],
)
def test_editing_shows_what_will_be_entered(terminal, keys, expected):
    assert shown(terminal, keys) == expected


KEYS = [
    LEFT,
    RIGHT,
    UP,
    DOWN,
    HOME,
    END,
    DELETE,
    "\b",
    "\x7f",
    "\x01",
    "\x05",
    "\x15",
    "\x1b",
    "a",
]


@given(st.lists(st.sampled_from([*KEYS, "bank", "why", " ", "\r", "x" * 30]), max_size=60))
def test_what_is_shown_is_what_is_entered(keys):
    terminal = Terminal(CABINET.protection)
    for key in "".join(keys):  # a stalled terminal would lose some of the echo
        line = shown(terminal, key).replace("|", "")
    if not keys or len(line) == LINE_MAX:
        return
    terminal.type("\r")
    answer = terminal.read()
    words = line.split()
    if words and words[0] not in COMMANDS:
        assert f'no command "{words[0][:32]}"' in answer
    else:
        assert "no command" not in answer


def test_history_holds_the_last_four_lines(terminal):
    for line in ("one", "two", "three", "four", "five", "five", ""):
        terminal.type(line + "\r")
    assert shown(terminal, UP) == "five|"
    assert shown(terminal, UP) == "four|"
    assert shown(terminal, UP + UP + UP + UP) == "two|"
    assert shown(terminal, DOWN) == "three|"
    assert shown(terminal, DOWN + DOWN + DOWN + DOWN) == "|"
    shown(terminal, "two\r")
    assert shown(terminal, UP + UP + UP) == "four|"


def test_a_line_of_the_history_can_be_changed(terminal):
    terminal.ask("versoin")
    terminal.type(UP + "\b\b\bion\r")
    assert VERSION in terminal.read()


def test_a_line_of_the_longest_length_is_taken_and_one_longer_is_refused(terminal):
    assert "no command" in terminal.ask("x" * LINE_MAX)
    terminal.type("x" * (LINE_MAX + 1) + "\r")
    assert "error: a line may have 120 characters\r\n" + PROMPT in terminal.read()
    assert terminal.ask("version") == VERSION


@pytest.mark.parametrize("key", ["\x15", "\x03"])
def test_a_line_that_became_too_long_can_be_given_up(terminal, key):
    terminal.type("x" * 200 + key)
    terminal.read()
    assert terminal.ask("version") == VERSION


def test_ten_thousand_characters_without_a_newline_are_one_error_line(terminal):
    most = 0
    for _ in range(100):
        terminal.type("x" * 100)
        most = max(most, len(terminal.console.take(10**6)))
    assert most <= LINE_MAX
    terminal.type("\r")
    assert terminal.read() == "\r\nerror: a line may have 120 characters\r\n" + PROMPT
    assert terminal.ask("version") == VERSION


def test_a_terminal_that_takes_nothing_costs_no_memory(terminal):
    for _ in range(200):
        terminal.type("garbage\rhelp\r")
        for _ in range(50):
            terminal.console.work()
    assert len(terminal.console.take(10**6)) <= OUTPUT_MAX


def test_ctrl_c_ends_a_line(terminal):
    terminal.type("garb\x03")
    assert terminal.read() == "garb^C\r\n" + PROMPT
    assert terminal.ask("version") == VERSION


def test_ctrl_c_ends_a_reply_and_what_was_typed_ahead(terminal):
    terminal.type("help\r")
    terminal.console.work()
    terminal.type("bank\r\x03")
    text = terminal.read()
    assert text.endswith("^C\r\n" + PROMPT)
    assert text.count("\r\n") == 3
    assert terminal.ask("version") == VERSION


def test_what_is_typed_during_a_reply_is_taken_after_it(terminal):
    terminal.type("version\rwhy\rvers")
    text = terminal.read()
    replies = (VERSION, "why\r\nnothing has tripped since the last restart\r\n", "vers")
    assert text == "version\r\n" + PROMPT.join(replies)
    terminal.type("ion\r")
    assert terminal.read() == "ion\r\n" + VERSION + PROMPT


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_commands_in_a_row_give_a_prompt_each(terminal, end):
    terminal.type(end.join(["version", "why", "version", ""]))
    assert terminal.read().count(PROMPT) == 3


SECRETS = ("unlock 135790", "pin 135790", "pin 135790 24681012", "--json unlock 135790")


@pytest.mark.parametrize("line", SECRETS)
def test_a_pin_is_shown_as_asterisks_however_it_is_edited(terminal, line):
    """At the beginning of the line, too, where it ceases to be a command, and begins to be one."""
    terminal.type(line)
    seen = terminal.read()
    assert not any(char.isdigit() for char in seen) and "******" in seen
    for keys in (LEFT, "\x08", HOME, DELETE, DELETE, RIGHT, "x", END, "7", "\x08" * 4):
        terminal.type(keys)
        assert not any(char.isdigit() for char in terminal.read())
    terminal.type("\x155" + LEFT + "unlock ")
    assert terminal.read().endswith(" *\b")


@pytest.mark.parametrize("line", SECRETS)
def test_the_history_keeps_no_pin(terminal, line):
    terminal.type("version\r" + line + "\r\x03")
    assert shown(terminal, "") == "|"
    assert shown(terminal, UP) == "version|"
    assert shown(terminal, UP) == "version|"


def test_what_only_looks_like_a_pin_is_shown(terminal):
    for line in ("pins 5", "battery 3", "unlocked 7", "x pin 3"):
        assert shown(terminal, line) == line + "|"
        shown(terminal, "\x15")


def test_too_much_typed_ahead_is_dropped(terminal):
    terminal.type("version\r" + "x" * 5000)
    terminal.read()
    terminal.type("\x15")
    terminal.read()
    assert terminal.ask("version") == VERSION


def test_nothing_to_do_is_not_busy(terminal):
    assert not terminal.console.busy()
    terminal.console.work()
    assert terminal.console.take(100) == b""


def test_a_reply_that_fails_is_an_error_line(terminal):
    terminal.context.timing = {}
    assert terminal.ask("status --json").split("error: ")[1].endswith("\r\n")
    assert terminal.ask("version") == VERSION


@given(st.lists(st.binary(max_size=200), max_size=8), st.integers(1, 64))
def test_whatever_bytes_arrive_the_next_command_is_answered(pieces, at_once):
    terminal = Terminal(CABINET.protection, at_once)
    for piece in pieces:
        terminal.type(piece)
        for _ in range(5):
            terminal.console.work()
            terminal.console.take(at_once)
    assert len(terminal.console.take(10**6)) <= OUTPUT_MAX
    terminal.type("\x03")
    assert terminal.read().endswith("^C\r\n" + PROMPT)
    assert terminal.ask("version") == VERSION
