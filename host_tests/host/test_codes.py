"""Cells become the codes that the chips would convert: checked against figures worked by hand."""

import json

import pytest

from packwarden_host.codes import Monitor, write_job
from packwarden_host.errors import BadInput


@pytest.mark.parametrize(
    ("chip", "shunt_uohm", "amps", "code"),
    [
        # 100 A over 250 uOhm are 25 mV: 80,000 of 312.5 nV, 5,000 of 5 uV, 10,000 of 2.5 uV.
        ("ina228", 250, 100.0, 80_000),
        ("ina238", 250, 100.0, 5_000),
        ("ina226", 250, 100.0, 10_000),
        ("ina228", 250, -0.001, -1),  # 250 nV are 0.8 of an LSB
        ("ina238", 250, -100.0, -5_000),
        # Beyond the range a chip stays at its last code.
        ("ina228", 250, 700.0, 524_287),
        ("ina228", 250, -700.0, -524_288),
        ("ina238", 250, 1e12, 32_767),
        ("ina226", 250, -1e12, -32_768),
    ],
)
def test_a_current_is_a_code_of_the_shunt_register(chip, shunt_uohm, amps, code):
    assert Monitor(chip, shunt_uohm).current(amps) == code


@pytest.mark.parametrize(
    ("chip", "volts", "code"),
    [
        ("ina228", 52.8, 270_336),  # 195.3125 uV
        ("ina238", 52.8, 16_896),  # 3.125 mV
        ("ina226", 13.2, 10_560),  # 1.25 mV
        ("ina228", -1.0, 0),
        ("ina238", 1e9, 32_767),
        ("ina226", 1e9, 32_767),
        ("ina228", 1e9, 524_287),
    ],
)
def test_a_voltage_is_a_code_of_the_bus_register(chip, volts, code):
    assert Monitor(chip, 250).voltage(volts) == code


@pytest.fixture
def job(written, tmp_path, bank):
    """Write a trace, return its job file: one dict of named parts per row."""

    def convert(text, config=bank):
        target = tmp_path / "job"
        end_ms = write_job(written(text), config, target)
        head, *lines = target.read_text().splitlines()
        n = json.loads(head)["batteries"]
        rows = [_parts(n, [int(word) for word in line.split()]) for line in lines]
        assert rows[-1]["t_ms"] == end_ms
        return rows

    return convert


def _parts(n, row):
    sizes = {"t_ms": 1, "i": n, "v": n + 1, "uV": 2 * n + 1, "states": n + 1, "aux": 1, "bms": 1}
    parts, place = {}, 0
    for name, size in sizes.items():
        parts[name] = row[place : place + size]
        place += size
    assert place == len(row)
    return parts | {name: parts[name][0] for name in ("t_ms", "aux", "bms")}


def test_what_is_not_said_is_healthy_and_quiet(job):
    (row,) = job("t_s\n0\n")
    assert row["i"] == [0] * 4
    assert row["v"] == [270_336] * 5  # 16 cells of 3.3 V
    # 10 kOhm (the fit of the part says 9,992) under 4.7 kOhm at 2.2 V.
    assert row["uV"] == [1_496_238] * 9
    assert row["states"] == [0] * 5
    assert (row["aux"], row["bms"]) == (0b1111, 0)


def test_the_busbar_is_the_median_of_the_batteries(job):
    odd = job("t_s,v1_V,v2_V,v3_V,v4_V\n0,52,53,54,absent\n")[0]
    assert odd["v"][-1] == 271_360  # 53 V
    even = job("t_s,v1_V,v2_V,v3_V,v4_V\n0,52,53,54,60\n")[0]
    assert even["v"][-1] == 273_920  # 53.5 V
    given = job("t_s,v1_V,vbus_V\n0,52,50\n")[0]
    assert given["v"][-1] == 256_000


def test_terminals_follow_the_ambient_where_they_say_nothing(job):
    first, second, third = job("t_s,tamb_C,tp2_C\n0,40,60\n1,,\n2,open,\n")
    ambient, hot = first["uV"][-1], first["uV"][2]
    assert hot < ambient < second["uV"][-1] == 1_496_238
    assert first["uV"] == [ambient, ambient, hot] + [ambient] * 6
    assert third["uV"] == [1_496_238] * 8 + [2_200_000]


def test_open_and_short_are_the_rails_of_the_bridge(job):
    (row,) = job("t_s,tp1_C,tn1_C\n0,open,short\n")
    assert row["uV"][:2] == [2_200_000, 0]


def test_absent_or_frozen_in_either_cell_is_the_whole_chip(job):
    rows = job(
        "t_s,i1_A,v1_V,i2_A,v2_V,vbus_V\n0,absent,,,frozen,absent\n1,frozen,absent,,,frozen\n"
    )
    assert [row["states"] for row in rows] == [[1, 2, 0, 0, 1], [1, 0, 0, 0, 2]]


def test_a_frozen_chip_keeps_its_codes(job):
    rows = job("t_s,i1_A,v1_V\n0,50,53\n1,frozen,10\n2,60,53\n")
    assert [row["i"][0] for row in rows] == [40_000, 40_000, 48_000]
    assert [row["v"][0] for row in rows] == [271_360] * 3


def test_contacts_and_alarms_are_masks(job):
    rows = job("t_s,cb2,bms3,bms4\n0,0,1,0\n1,1,,1\n")
    assert [(row["aux"], row["bms"]) for row in rows] == [(0b1101, 0b0100), (0b1111, 0b1000)]


def test_a_bad_row_far_down_is_found_before_anything_runs(job):
    with pytest.raises(BadInput, match="line 4, column 2"):
        job("t_s,i1_A\n0,1\n1,2\n2,x\n")
