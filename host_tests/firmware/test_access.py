"""The PIN on the board: what is in the flash when an answer is given, and what a restart finds."""

import json

import pytest

from packwarden.access import Access
from terminals import PIN

TRACE = "t_s\n0\n8\n"
WRONG = "987654"


def kept(wiring):
    """What the committed NVS knows of the PIN; None where it knows nothing."""
    saved = wiring.nvs.save().get("packwarden", {})
    if "access" not in saved:
        return None
    access = Access()
    access.load(bytes.fromhex(saved["access"]))
    return access


def commissioned(rig, wrong=0):
    access = Access()
    access.set(PIN, bytes(16))
    access.wrong = wrong
    rig.wiring.nvs.restore({"packwarden": {"access": access.dump().hex()}})
    return rig


def listened(rig):
    """Run it; returns what the console said: (line, what the flash knew of the PIN by then)."""
    heard = []
    emit = rig.console._emit

    def hear(line):
        heard.append((line.decode(), kept(rig.wiring)))
        emit(line)

    rig.console._emit = hear
    rig.run()
    return heard


def reply(heard, beginning):
    (found,) = [entry for entry in heard if entry[0].startswith(beginning)]
    return found


def test_a_pin_is_in_the_flash_before_it_is_said_to_be_set(rigged):
    rig = rigged(2, TRACE, script=[[1000, f"pin {PIN}\nunlock {PIN}\n"]])
    heard = listened(rig)
    assert reply(heard, "the PIN is set")[1].exists
    assert reply(heard, "unlocked for")[1].wrong == 1
    assert kept(rig.wiring).wrong == 0  # soon after
    assert not any(PIN in line for line, _ in heard)
    events = [event["element"] for event in rig.lines()]
    assert events == ["boot", "operation", "operation"]


def test_a_wrong_try_is_in_the_flash_before_it_is_answered(rigged):
    rig = commissioned(rigged(2, TRACE, script=[[1000, f"unlock {WRONG}\n"]]), wrong=3)
    # Four seconds from the arming, so this one is not even looked at.
    assert "wait 3 s" in reply(listened(rig), "error: ")[0]
    rig = commissioned(rigged(2, TRACE, script=[[4100, f"unlock {WRONG}\n"]]), wrong=3)
    answer, known = reply(listened(rig), "error: ")
    assert (answer, known.wrong) == ("error: wrong PIN: the next try in 8 s", 4)


@pytest.mark.parametrize("fault", ["full", "corrupt"])
def test_a_flash_that_fails_unlocks_nothing(rigged, fault):
    rig = commissioned(rigged(2, TRACE, script=[[1000, f"unlock {PIN}\nstatus --json\n"]]))
    if fault == "full":
        rig.wiring.nvs.full = True
    else:
        rig.wiring.nvs.corrupt()
    heard = listened(rig)
    assert not json.loads(reply(heard, '{"armed"')[0])["unlocked"]
    told = {"full": "the flash does not keep it", "corrupt": "cannot be read"}[fault]
    assert told in reply(heard, "error: ")[0]


def test_the_button_forgets_the_pin(rigged):
    rig = commissioned(rigged(2, TRACE, script=[[1000, "pin forget\n"], [3000, "pin forget\n"]]))

    def press():
        if rig.world.now_ms() > 2000:
            rig.wiring.levels[rig.board.PIN_BUTTON] = 0

    rig.each_wake = press
    heard = listened(rig)
    assert "BOOT button" in reply(heard, "error: ")[0]
    assert not reply(heard, "the PIN is forgotten")[1].exists
