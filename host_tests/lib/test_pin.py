"""The PIN: set once, changed by who knows it, forgotten by who stands at the board; wrong ones."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinets import Cabinet, configuration
from packwarden.access import Access, UNLOCKED_s
from packwarden.protection import Protection
from packwarden.restart import describe
from terminals import PIN, Terminal

WRONG = "987654"
CABINET = Cabinet()
KEPT = bytes(Terminal(CABINET.protection).access.dump())


def later(terminal, s):
    """Let the time of the log pass."""
    terminal.context.protection.events.seconds += s


def unlocked(terminal):
    return json.loads(terminal.ask("status --json"))["unlocked"]


def records(terminal):
    """What was recorded of the controller, oldest first."""
    log = terminal.context.protection.events
    events = [log.event(seq) for seq in range(log.oldest_seq, log.next_seq)]
    return [event.detail_name() for event in events if event.detail >= 0xA0]


def new(pin=PIN):
    protection = Protection(configuration())
    protection.arm(0)
    return Terminal(protection, pin=pin)


# -- without a PIN ----


def test_without_a_pin_nothing_operates_and_help_says_why():
    terminal = new(None)
    names = [line.split()[0] for line in terminal.ask("help").split("\r\n") if line]
    assert not {"reset", "close", "acknowledge"} & set(names) and "pin" in names
    assert "What operates is there once a PIN is set." in terminal.ask("help")
    assert "reset N|main" not in terminal.ask("help --json")
    for line in ("reset 1", "close 1", "acknowledge", "timing reset", f"unlock {PIN}"):
        assert terminal.ask(line) == "error: no PIN is set: pin NEW sets it\r\n"
    assert "console: PIN missing, locked\r\n" in terminal.ask("status")
    assert records(terminal) == []


def test_the_first_pin_is_set_and_then_unlocks():
    terminal = new(None)
    assert terminal.ask(f"pin {PIN}") == "the PIN is set: unlock PIN\r\n"
    assert "error: locked: type unlock PIN first\r\n" in terminal.ask("reset 1")
    assert terminal.ask(f"unlock {PIN}") == "unlocked for 10 min; lock ends it\r\n"
    assert "is not locked out" in terminal.ask("reset 1")
    assert "reset N|main" in terminal.ask("help")
    assert records(terminal) == ["PIN set", "unlocked"]
    assert "console: PIN set, unlocked\r\n" in terminal.ask("status")


@pytest.mark.parametrize(
    "word", ["1", "12345", "1234567890123", "12345a", "-123456", "123456.", "secret"]
)
def test_a_pin_has_6_to_12_digits_and_is_not_repeated_in_the_refusal(word):
    terminal = new(None)
    assert terminal.ask(f"pin {word}") == "error: a PIN has 6 to 12 digits\r\n"
    assert terminal.ask("status --json").count('"pin":"missing"') == 1


@pytest.mark.parametrize("line", ["pin", "pin 123456 123457 123458"])
def test_what_pin_takes(line):
    assert new().ask(line) == "error: pin NEW, pin OLD NEW, pin forget\r\n"


# -- with one ----


def test_a_change_needs_the_old_one_and_locks():
    terminal = new()
    terminal.ask(f"unlock {PIN}")
    assert terminal.ask("pin 222222") == "error: there is a PIN: pin OLD NEW changes it\r\n"
    assert terminal.ask("pin 111111 222222") == "error: wrong PIN: the next try in 1 s\r\n"
    later(terminal, 1)
    assert terminal.ask(f"pin {PIN} 222") == "error: a PIN has 6 to 12 digits\r\n"
    assert terminal.ask(f"pin {PIN} 222222") == "the PIN is set: unlock PIN\r\n"
    assert not unlocked(terminal)
    assert "wrong PIN" in terminal.ask(f"unlock {PIN}")
    later(terminal, 1)
    assert json.loads(terminal.ask("unlock 222222 --json"))["done"].startswith("unlocked")
    told = ["unlocked", "wrong PIN", "PIN set", "wrong PIN", "unlocked"]
    assert records(terminal) == told


def test_a_forgotten_pin_takes_the_button_at_the_board():
    terminal = new()
    terminal.ask(f"unlock {PIN}")
    reply = "error: hold the board's BOOT button down while you enter this\r\n"
    assert terminal.ask("pin forget") == reply
    assert unlocked(terminal)
    terminal.controls.held = True
    assert terminal.ask("pin forget") == "the PIN is forgotten: pin NEW sets another one\r\n"
    assert not unlocked(terminal)
    assert "no PIN is set" in terminal.ask(f"unlock {PIN}")
    assert records(terminal) == ["unlocked", "PIN forgotten"]
    assert not Access().exists
    reborn = Access()
    reborn.load(terminal.access.dump())
    assert (reborn.exists, reborn.damaged) == (False, False)


def test_the_lock_falls_by_itself_and_by_command():
    terminal = new()
    assert terminal.ask("unlock") == "error: unlock PIN\r\n"
    assert not unlocked(terminal)
    terminal.ask(f"unlock {PIN}")
    assert unlocked(terminal)
    assert terminal.ask("lock") == "locked\r\n"
    assert not unlocked(terminal)
    assert terminal.ask("lock") == "locked\r\n"
    terminal.ask(f"unlock {PIN}")
    later(terminal, UNLOCKED_s - 1)
    assert unlocked(terminal)
    later(terminal, 1)
    assert not unlocked(terminal)
    assert records(terminal) == ["unlocked", "locked", "unlocked"]


# -- wrong ones ----


def delay_s(terminal):
    """How long the next try has to wait, by trying every second."""
    for waited_s in range(4000):
        if "wrong PIN:" in terminal.ask(f"unlock {WRONG}"):
            return waited_s
        later(terminal, 1)
    raise AssertionError("for ever")


def test_each_wrong_pin_costs_twice_as_much_and_the_tenth_an_hour():
    terminal = new()
    delays = [delay_s(terminal) for _ in range(12)]
    assert delays == [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 3600, 3600]
    assert records(terminal) == ["wrong PIN"] * 12
    right = terminal.ask(f"unlock {PIN}")
    assert right == "error: after 12 wrong PINs: wait 3600 s\r\n"
    later(terminal, 3600)
    assert "unlocked" in terminal.ask(f"unlock {PIN}")
    assert delay_s(terminal) == 0  # forgiven
    assert delay_s(terminal) == 1


def test_a_try_is_kept_before_it_is_answered_and_a_restart_forgives_nothing():
    terminal = new()
    kept = []
    terminal.flash = lambda: kept.append(bytes(terminal.access.dump())) or True
    for _ in range(3):
        terminal.console.feed(3)
        terminal.type(f"unlock {WRONG}\r")
        while not kept:  # nothing is known of the PIN until it is
            terminal.console.work()
            said = terminal.console.take(10**6).decode()
            assert "wrong" not in said and "unlocked" not in said
            if terminal.console.waits:
                terminal.access.kept(terminal.flash())
        reborn = Terminal(CABINET.protection)
        reborn.access.load(kept.pop())
        terminal.read()
        later(terminal, 300)
    assert reborn.access.wrong == 3
    now_s = CABINET.protection.events.seconds
    assert reborn.access.wait_s(0) == 4  # all of it again
    assert reborn.access.wait_s(now_s + 5000) == 0


def test_also_a_right_try_is_counted_until_it_is_answered():
    terminal = new()
    kept = []
    terminal.flash = lambda: kept.append(terminal.access.dump()) or True
    terminal.ask(f"unlock {PIN}")
    reborn = Access()
    reborn.load(kept[0])
    assert reborn.wrong == 1
    assert terminal.access.wrong == 0
    assert terminal.access.changed  # and that goes to the flash when there is time


def test_what_the_flash_does_not_keep_is_not_tried():
    terminal = new()
    terminal.flash = lambda: False
    for pin in (PIN, WRONG):
        assert terminal.ask(f"unlock {pin}") == "error: the flash does not keep it\r\n"
        later(terminal, 10)
    assert not unlocked(terminal)


def test_ctrl_c_takes_no_try_back():
    terminal = new()
    terminal.type(f"unlock {WRONG}\r")
    terminal.console.work()
    terminal.type("\x03")
    terminal.read()
    assert (terminal.access.wrong, terminal.access.changed) == (1, True)
    assert not terminal.console.waits
    assert "wait 1 s" in terminal.ask(f"unlock {PIN}")


# -- what is kept ----


def test_it_comes_back_over_a_restart():
    first = new()
    reborn = new(None)
    reborn.access.load(first.access.dump())
    assert "unlocked" in reborn.ask(f"unlock {PIN}")


@given(st.data())
def test_what_has_changed_in_the_flash_fits_no_pin(data):
    kept = bytearray(KEPT)
    place = data.draw(st.integers(0, len(kept) - 1))
    kept[place] ^= data.draw(st.integers(1, 255))
    terminal = Terminal(CABINET.protection, pin=None)
    terminal.access.load(kept[: data.draw(st.sampled_from([len(kept), place]))])
    refusal = "error: the PIN that was kept cannot be read: pin forget, then set one\r\n"
    assert terminal.ask(f"unlock {PIN}") == refusal
    assert terminal.ask(f"pin {PIN} 123456") == refusal
    assert "there is a PIN" in terminal.ask("pin 123456")
    assert "console: PIN damaged, locked\r\n" in terminal.ask("status")
    assert "locked" in terminal.ask("reset 1")


def test_the_same_pin_gives_another_hash_with_another_salt():
    one, other = Access(), Access()
    one.set(PIN, bytes(16))
    other.set(PIN, bytes(range(16)))
    assert one.dump()[20:52] != other.dump()[20:52]
    assert PIN.encode() not in one.dump()


def test_no_detail_has_two_meanings():
    names = [describe(detail) for detail in range(0xA0, 0xA8)]
    assert len(set(names)) == len(names)
