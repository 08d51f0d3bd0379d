"""Faults of a job on the wired cabinet: outputs, coils, breakers, buses, chips, sensors, flash."""

import math
from types import SimpleNamespace

import pytest

from packwarden_sim.clock import us
from packwarden_sim.fakes import io as board_io
from packwarden_sim.fakes import machine
from packwarden_sim.fakes import os as board_os
from packwarden_sim.fakes import time as board_time
from sim.rig import BOARD, N, Rig

GPIO, OLAT = 0x12, 0x14
ALL = [True] * (N + 1)


def fault(target, kind, t_ms=100, until_ms=300, **more):
    return {"t_ms": t_ms, "until_ms": until_ms, "target": target, "kind": kind, **more}


def out(number, level=0):
    return machine.Pin(number, machine.Pin.OUT, value=level)


def opened(*numbers):
    return [k + 1 not in numbers for k in range(N)] + ["main" not in numbers]


# ---- outputs


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("alarm", BOARD.PIN_ALARM),
        ("charge", BOARD.PIN_CHARGE),
        ("discharge", BOARD.PIN_DISCHARGE),
        ("main", BOARD.PIN_MAIN_TRIP),
    ],
)
def test_a_stuck_pin_shows_its_pad_and_moves_when_it_is_let_go(name, number):
    rig = Rig([fault(f"pin {name}", "stuck", level=0)])
    pin = out(number, 1)
    assert (pin.value(), rig.wiring.on(name)) == (1, 1)
    rig.sleep_ms(200)
    pin.value(1)
    assert (pin.value(), rig.wiring.on(name)) == (0, 0)
    rig.sleep_ms(200)
    assert (pin.value(), rig.wiring.on(name)) == (1, 1)


def test_a_main_trip_stuck_high_opens_the_main_and_one_stuck_low_cannot():
    rig = Rig([fault("pin main", "stuck", level=1)])
    out(BOARD.PIN_MAIN_TRIP)
    rig.sleep_ms(200)
    assert rig.closed() == opened("main")
    rig = Rig([fault("pin main", "stuck", level=0)])
    pin = out(BOARD.PIN_MAIN_TRIP)
    rig.sleep_ms(200)
    pin.value(1)
    rig.sleep_ms(80)
    assert rig.closed() == ALL
    rig.sleep_ms(150)  # the fault has ended, and the coil is still written high
    assert rig.closed() == opened("main")


def test_permissives_that_are_stuck_reach_the_source_as_they_are():
    rig = Rig([fault("pin charge", "stuck", level=1)])
    out(BOARD.PIN_CHARGE)
    rig.sleep_ms(200)
    assert rig.source.switches[4:] == (1, 0)


@pytest.mark.parametrize(("level", "positions"), [(1, opened(2)), (0, opened(1, 3))])
def test_a_stuck_relay_output_differs_from_its_latch(level, positions):
    rig = Rig([fault("relay", "stuck_bit", bit=1, level=level)])
    written = 0b101 if level else 0b111
    rig.relays(0b000)
    rig.sleep_ms(150)
    if not level:
        rig.relays(written)
        rig.sleep_ms(100)
    assert rig.closed() == positions
    rig.relays(written)
    assert rig.get_port(BOARD.RELAY_EXPANDER, OLAT) == written
    assert rig.get_port(BOARD.RELAY_EXPANDER, GPIO) == written ^ 0b010


def active_low(pins, relays):
    board = {name: value for name, value in vars(BOARD).items() if name.isupper()}
    return SimpleNamespace(**board | {"ACTIVE_LOW_PINS": pins, "ACTIVE_LOW_RELAYS": relays})


def test_relays_that_are_energised_by_low_rest_until_they_are_driven():
    fan = 1 << BOARD.RELAY_FAN_BIT
    rig = Rig(board=active_low(("main", "charge"), 0b010 | fan))
    assert rig.wiring.state() | {"latched": 0} == {
        "closed": 0b111,
        "main": True,
        "fan": 0,
        "alarm": 0,
        "charge": 0,
        "discharge": 0,
        "latched": 0,
    }
    charge = out(BOARD.PIN_CHARGE, 1)
    main = out(BOARD.PIN_MAIN_TRIP, 1)
    rig.relays(0b010 | fan)
    rig.sleep_ms(100)
    assert rig.closed() == ALL
    assert rig.source.switches[1:] == (0b111, True, 0, 0, 0)
    charge.value(0)
    main.value(0)
    rig.relays(0b100)
    rig.sleep_ms(100)
    assert rig.closed() == opened(2, 3, "main")
    assert rig.source.switches[1:] == (0b001, False, 1, 1, 0)


# ---- breakers and their coils


def test_a_slow_breaker_takes_its_time():
    rig = Rig(
        [fault("breaker 2", "slow", travel_ms=150), fault("breaker main", "slow", travel_ms=1)]
    )
    rig.sleep_ms(110)
    rig.relays(0b011)
    out(BOARD.PIN_MAIN_TRIP, 1)
    rig.sleep_ms(20)
    assert rig.closed() == opened("main")
    rig.sleep_ms(120)
    assert rig.closed() == opened(1, "main")
    rig.sleep_ms(30)
    assert rig.closed() == opened(1, 2, "main")


def test_crossed_wires_open_the_other_breaker_until_they_are_put_right():
    rig = Rig([fault("breaker 1", "crossed", **{"with": 3})])
    rig.sleep_ms(150)
    rig.relays(0b001)
    rig.sleep_ms(100)
    assert rig.closed() == opened(3)
    rig.relays(0)
    rig.sleep_ms(100)
    rig.relays(0b001)
    rig.sleep_ms(100)
    assert rig.closed() == opened(1, 3)


def test_somebody_closes_a_breaker_and_a_release_that_acts_opens_it_again():
    faults = [fault("breaker 1", "close", 500, None), fault("breaker 1", "close", 1000, None)]
    rig = Rig(faults)
    rig.relays(0b001)
    rig.sleep_ms(200)
    rig.relays(0)
    rig.sleep_ms(400)
    assert rig.closed() == ALL
    rig.relays(0b001)
    rig.sleep_ms(300)
    assert rig.closed() == opened(1)
    rig.sleep_ms(120)
    assert rig.closed() == ALL
    rig.sleep_ms(100)
    assert rig.closed() == opened(1)


def test_an_undervoltage_release_without_its_coil_cannot_be_closed():
    rig = Rig([fault("breaker main", "close", 500, None)], kind="uvr")
    pin = out(BOARD.PIN_MAIN_TRIP, 1)
    rig.relays(0b111)
    rig.sleep_ms(100)
    pin.value(0)
    rig.sleep_ms(600)
    assert rig.closed() == opened("main")


# ---- buses and chips


@pytest.mark.parametrize("name", ["monitors", "expanders"])
def test_a_bus_whose_line_is_stuck_times_out_for_everybody(name):
    rig = Rig([fault(f"bus {name}", "hang")])

    def refusals():
        seen = []
        addresses = (0, 1, N)
        for k in addresses:
            seen.append(errno(rig.get, k, 0x3E))
        for address in (BOARD.RELAY_EXPANDER, *BOARD.INPUT_EXPANDERS):
            seen.append(errno(rig.get_port, address, GPIO))
        return seen

    healthy = refusals()
    assert healthy == [None, None, 19, *[None] * 5]  # there is no battery N + 1
    rig.sleep_ms(120)
    assert refusals() == ([116] * 3 if name == "monitors" else healthy[:3]) + (
        [116] * 5 if name == "expanders" else healthy[3:]
    )
    rig.sleep_ms(400)
    assert refusals() == healthy


def errno(call, *arguments):
    try:
        call(*arguments)
    except OSError as error:
        return error.args[0]
    return None


def test_a_chip_that_goes_away_meanwhile_is_away_when_the_bus_is_back():
    rig = Rig([fault("bus monitors", "hang"), fault("monitor 2", "nack", 200, None)])
    rig.sleep_ms(250)
    assert errno(rig.get, 1, 0x3E) == 116
    rig.sleep_ms(100)
    assert errno(rig.get, 1, 0x3E) == 19
    assert rig.get(0, 0x3E) == 0x5449


def test_an_expander_that_was_reset_lets_go_of_its_relays():
    rig = Rig([fault("relay", "config_lost", until_ms=None)], kind="uvr")
    rig.relays(0b111)
    out(BOARD.PIN_MAIN_TRIP, 1)
    rig.sleep_ms(90)
    assert rig.closed() == ALL
    rig.sleep_ms(80)
    assert rig.closed() == opened(1, 2, 3)


def spread(rig, read, count=200):
    seen = set()
    for _ in range(count):
        rig.sleep_ms(10)
        seen.add(read())
    return max(seen) - min(seen)


class Looking(Rig):
    """Reads what sensors of battery 2, and those of all, are said to measure."""

    AT = {
        "terminal": BOARD.TERMINAL_PLUS[1],
        "ambient": BOARD.AMBIENT,
        "reference": BOARD.REFERENCE,
    }

    def look(self, what):
        if what == "current":
            code = self.get(1, 4, 3) >> 4
            return (code - (1 << 20) if code >> 19 else code) * 312.5e-9 / 250e-6
        if what == "voltage":
            return (self.get(1, 5, 3) >> 4) * 195.3125e-6
        if what == "supply":
            return self._converter(BOARD.ADC_SUPPLY).read_uv() * BOARD.SUPPLY_DIVIDER / 1e6
        mux, place = self.AT[what]
        for line, number in enumerate(BOARD.MUX_SELECT):
            out(number, place >> line & 1)
        self.sleep_ms(10)
        return self._converter(BOARD.MUX_ADC[mux]).read_uv() / 1e6

    def _converter(self, number):
        return machine.ADC(machine.Pin(number), atten=machine.ADC.ATTN_11DB)


# What a healthy one reads (A, V, V of the pin), and by how much it is off or noisy.
SENSORS = {
    "current": ("current 2", 25.0, 5),
    "voltage": ("voltage 2", 52.73, 0.5),
    "terminal": ("terminal 2+", 1.0, 20),
    "ambient": ("ambient", 1.0, 20),
    "reference": ("reference", 1.0, 0.2),
    "supply": ("supply", 24.0, 3),
}


def looking(what, kind, **more):
    name = SENSORS[what][0]
    rig = Looking([fault(f"sensor {name}", kind, 3000, 6000, **more)])
    rig.source.shunt[1] = 20_000
    rig.sleep_ms(20)
    assert rig.look(what) == pytest.approx(SENSORS[what][1], rel=0.01)
    rig.sleep_ms(3100 - rig.world.now_ms())
    return rig


@pytest.mark.parametrize("what", SENSORS)
def test_a_channel_is_off_or_noisy_by_its_amount_until_it_is_not(what):
    amount = SENSORS[what][2]
    # A thermistor of 25 degC at 4.7 kohm and 2.2 V: 18.6 mV/K, and less where it is warmer.
    size = amount * (0.0186 if what in ("terminal", "ambient") else 1)
    sign = -1 if what in ("terminal", "ambient") else 1
    healthy = SENSORS[what][1]
    rig = looking(what, "offset", amount=amount)
    assert rig.look(what) - healthy == pytest.approx(sign * size, rel=0.05)
    rig.sleep_ms(3000)
    assert rig.look(what) == pytest.approx(healthy, rel=0.01)
    rig = looking(what, "noise", amount=amount)
    assert 1.6 * size < spread(rig, lambda: rig.look(what), 100) <= 2.1 * size


@pytest.mark.parametrize(
    ("what", "opened", "shorted"),
    [
        ("current", (-1, 1), (-0.01, 0.01)),
        ("voltage", (0.04, 0.26), (0, 0.001)),
        ("terminal", (2.19, 2.21), (0.142, 0.142)),
        ("ambient", (2.19, 2.21), (0.142, 0.142)),
        ("reference", (2.19, 2.21), (0.142, 0.142)),
        ("supply", (3.2, 3.4), (3.2, 3.4)),
    ],
)
def test_an_open_and_a_shorted_wire_read_as_such(what, opened, shorted):
    for kind, (low, high) in (("open", opened), ("short", shorted)):
        rig = looking(what, kind)
        assert low - 0.001 <= rig.look(what) <= high + 0.001
        rig.sleep_ms(3000)
        assert rig.look(what) == pytest.approx(SENSORS[what][1], rel=0.01)


def test_a_code_stands_still_and_a_frozen_thermistor_has_the_noise_of_its_converter():
    rig = looking("current", "frozen")
    rig.source.shunt[1] = 40_000
    assert spread(rig, lambda: rig.look("current"), 50) == 0
    rig = looking("terminal", "frozen")
    rig.look("terminal")
    rig.source.adc_uv[2] = 800_000
    assert 0.99 < rig.look("terminal") < 1.01


def test_exchanged_wires_of_a_shunt_turn_the_current_round():
    rig = looking("current", "reversed")
    for code in (40_000, -40_000, -524_288):
        rig.source.shunt[1] = code
        rig.sleep_ms(200)
        assert rig.look("current") == pytest.approx(-code * 1.25e-3, abs=0.01)


def test_a_slow_sensor_follows_with_its_lag():
    rig = looking("current", "slow", lag_ms=1000)
    rig.look("current")
    rig.source.shunt[1] = 40_000
    for passed_s in range(1, 101):
        rig.sleep_ms(10)
        seen = rig.look("current")
        assert seen == pytest.approx(50 - 25 * math.exp(-passed_s / 100), abs=0.3)


def test_a_crawling_bus_takes_its_time_and_answers():
    rig = Rig([fault("bus monitors", "crawl", stretch_us=5000)])
    for wanted_us in (0, 10_000, 0):
        began_us = us[0]
        assert rig.get(0, 0x3E) == 0x5449
        assert wanted_us <= us[0] - began_us < wanted_us + 1000
        rig.sleep_ms(200)


@pytest.mark.parametrize(("kind", "says"), [("zero", 0), ("wrong_identity", 0xFFFF)])
def test_an_expander_that_is_none_says_the_same_to_everything(kind, says):
    rig = Rig([fault("relay", kind)], kind="uvr")
    out(BOARD.PIN_MAIN_TRIP, 1)
    rig.relays(0b111)
    rig.sleep_ms(150)
    rig.relays(0b111)
    assert rig.get_port(BOARD.RELAY_EXPANDER, OLAT) == says
    rig.sleep_ms(60)
    # One that only reads wrong goes on to drive; another device drives nothing.
    assert rig.closed() == (ALL if kind == "zero" else opened(1, 2, 3))
    rig.sleep_ms(200)
    assert rig.get_port(BOARD.RELAY_EXPANDER, OLAT) == (0b111 if kind == "zero" else 0)


# ---- the board itself


def test_late_sleeps_end_late():
    rig = Rig([fault("cpu", "late", late_us=3000)])
    rig.sleep_ms(110)
    began_us = us[0]
    board_time.sleep_us(7000)
    assert us[0] - began_us == 10_000


def test_memory_that_outlives_a_reset_changes_once():
    faults = [fault("rtc", "corrupt", until_ms=None)]
    rig = Rig(faults)
    rig.world.rtc[:] = bytes(range(256)) * 8
    rig.sleep_ms(150)
    changed = [k for k in range(2048) if rig.world.rtc[k] != k % 256]
    assert changed == list(range(0, 2048, 16))
    rig.sleep_ms(150)
    assert changed == [k for k in range(2048) if rig.world.rtc[k] != k % 256]


@pytest.mark.parametrize(
    ("kind", "reads", "writes"),
    [("full", None, 28), ("read_only", None, 30), ("broken", 5, 5)],
)
def test_a_file_system_refuses(kind, reads, writes, tmp_path):
    rig = Rig([fault("flash", kind)])
    path = str(tmp_path / "file")

    def write():
        with board_io.open(path, "wb") as file:
            file.write(b"some")

    def read():
        with board_io.open(path, "rb") as file:
            file.readinto(bytearray(4))

    write()
    rig.sleep_ms(200)
    assert (errno(read), errno(write)) == (reads, writes)
    if kind != "full":
        assert errno(board_os.remove, path) == writes
    rig.sleep_ms(200)
    assert (errno(write), errno(read)) == (None, None)


def test_files_change_in_the_flash(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(bytes(200))
    monkeypatch.chdir(tmp_path)
    Rig([fault("flash", "corrupt")]).sleep_ms(150)
    data = (tmp_path / "file").read_bytes()
    assert [k for k in range(200) if data[k]] == [0, 64, 128, 192]


def test_what_was_wrong_before_a_restart_is_wrong_when_the_board_boots():
    faults = [
        fault("external_trip", "tripped", until_ms=None),
        fault("power", "brown_out", 200, None),
    ]
    rig = Rig(faults)
    with pytest.raises(SystemExit):
        rig.sleep_ms(500)
    again = Rig(faults, saved=rig.world.save(), wake=False)
    assert again.pin(BOARD.PIN_EXTERNAL_TRIP) == 1


@pytest.mark.parametrize(
    ("kind", "ending"), [("off", "power_off"), ("brown_out", "brown_out"), ("panic", "panic")]
)
def test_power_and_resets_end_this_life_once(kind, ending):
    faults = [fault("power", kind, until_ms=None)]
    rig = Rig(faults)
    with pytest.raises(SystemExit):
        rig.sleep_ms(200)
    assert rig.world.ended[:2] == [ending, 100]
    again = Rig(faults, saved=rig.world.save())
    again.sleep_ms(200)
    assert again.world.ended is None
