"""The fake `esp32.NVS`: errors as on the board, what a commit keeps, what breaks it."""

import json

import pytest

from packwarden_sim import world
from packwarden_sim.clock import us
from packwarden_sim.costs import NVS_COMMIT_US
from packwarden_sim.fakes.esp32 import NVS
from packwarden_sim.nvs import Nvs
from sim.rig import Rig


@pytest.fixture
def rig():
    return Rig()


def refused(call, *arguments):
    with pytest.raises(OSError) as caught:
        call(*arguments)
    return caught.value.args[0]


def restarted():
    """What the flash holds in the next life of the board."""
    kept = json.loads(json.dumps(world.current.wiring.nvs.save()))
    nvs = world.current.wiring.nvs = Nvs()
    nvs.restore(kept)


def blob(nvs, key, size=16):
    buffer = bytearray(size)
    return bytes(buffer[: nvs.get_blob(key, buffer)])


def test_values_are_there_at_once_in_their_namespace(rig):
    nvs = NVS("one")
    nvs.set_blob("a", bytearray(b"\x00\xff"))
    nvs.set_i32("b", -5)
    assert (blob(nvs, "a"), nvs.get_i32("b")) == (b"\x00\xff", -5)
    assert blob(NVS("one"), "a") == b"\x00\xff"
    assert refused(NVS("two").get_i32, "b") == -0x1102


def test_errors_have_the_numbers_of_the_board(rig):
    nvs = NVS("one")
    assert refused(nvs.get_blob, "a", bytearray(4)) == -0x1102
    assert refused(nvs.get_i32, "a") == -0x1102
    assert refused(nvs.erase_key, "a") == -0x1102
    nvs.set_blob("a", b"12345")
    assert refused(nvs.get_blob, "a", bytearray(4)) == -0x110C
    assert refused(nvs.get_i32, "a") == -0x1102
    assert refused(nvs.set_i32, "a" * 16, 1) == -0x1109
    assert refused(NVS, "n" * 16) == -0x1109


def test_only_what_was_committed_outlives_the_board(rig):
    nvs = NVS("one")
    nvs.set_blob("a", b"old")
    nvs.set_i32("n", 7)
    nvs.set_i32("gone", 8)
    before_us = us[0]
    nvs.commit()
    assert us[0] - before_us == NVS_COMMIT_US
    nvs.set_blob("a", b"new")
    nvs.erase_key("gone")
    NVS("two").set_i32("b", 1)
    restarted()
    nvs = NVS("one")
    assert (blob(nvs, "a"), nvs.get_i32("n"), nvs.get_i32("gone")) == (b"old", 7, 8)
    assert refused(NVS("two").get_i32, "b") == -0x1102
    nvs.erase_key("gone")
    nvs.commit()
    restarted()
    assert refused(NVS("one").get_i32, "gone") == -0x1102


def test_a_full_partition_takes_nothing_and_keeps_what_it_has():
    full = {"t_ms": 100, "until_ms": 200, "target": "nvs", "kind": "full"}
    rig = Rig([full])
    nvs = NVS("one")
    nvs.set_i32("a", 1)
    nvs.commit()
    rig.sleep_ms(150)
    assert refused(nvs.set_i32, "a", 2) == refused(nvs.set_blob, "b", b"") == -0x1105
    assert refused(nvs.commit) == -0x1105
    assert nvs.get_i32("a") == 1
    rig.sleep_ms(100)
    nvs.set_i32("a", 2)
    nvs.commit()
    restarted()
    assert NVS("one").get_i32("a") == 2


def test_damage_changes_blobs_once_and_stays():
    rig = Rig([{"t_ms": 100, "target": "nvs", "kind": "corrupt"}])
    nvs = NVS("one")
    nvs.set_blob("a", b"0123456789")
    nvs.set_i32("n", 5)
    nvs.commit()
    rig.sleep_ms(150)
    damaged = blob(nvs, "a")
    assert len(damaged) == 10
    assert 1 <= sum(x != y for x, y in zip(damaged, b"0123456789", strict=True)) < 10
    assert nvs.get_i32("n") == 5
    restarted()
    assert blob(NVS("one"), "a") == damaged
