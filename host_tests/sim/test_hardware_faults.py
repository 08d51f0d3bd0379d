"""Faults of a job on the wired cabinet: outputs, coils, breakers, buses, chips, noise."""

from types import SimpleNamespace

import pytest

from packwarden_sim.fakes import machine
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


def test_a_noisy_channel_is_off_by_up_to_its_amplitude():
    def current_A():
        code = rig.get(1, 4, 3) >> 4
        return code * 312.5e-9 / 250e-6

    def voltage_V():
        return (rig.get(1, 5, 3) >> 4) * 195.3125e-6

    plus, minus = BOARD.TERMINAL_PLUS[1], BOARD.TERMINAL_MINUS[1]
    noises = {"current": 0.5, "voltage": 0.25, "temperature": 2}
    rig = Rig(
        [fault("sensor 2", kind, 3000, 6000, amplitude=size) for kind, size in noises.items()]
    )
    rig.source.shunt[1] = 20_000
    for line, number in enumerate(BOARD.MUX_SELECT):
        out(number, plus[1] >> line & 1)
    adcs = [
        machine.ADC(machine.Pin(BOARD.MUX_ADC[mux]), atten=machine.ADC.ATTN_11DB)
        for mux in (plus[0], minus[0])
    ]

    def all_of_them():
        count = 60  # three at a time: 1.8 s
        return (
            spread(rig, current_A, count),
            spread(rig, voltage_V, count),
            spread(rig, lambda: adcs[0].read_uv() / 18_000, count // 2),  # kelvin, roughly
            spread(rig, lambda: adcs[1].read_uv() / 18_000, count // 2),
        )

    quiet = all_of_them()
    assert max(quiet[:2]) < 0.01
    rig.sleep_ms(3100 - rig.world.now_ms())
    noisy = all_of_them()
    assert 0.8 < noisy[0] <= 1.01
    assert 0.4 < noisy[1] <= 0.51
    assert all(3 < kelvin < 4.3 for kelvin in noisy[2:])
    rig.sleep_ms(6100 - rig.world.now_ms())
    assert max(all_of_them()[:2]) < 0.01


# ---- the board itself


def test_what_was_wrong_before_a_restart_is_wrong_when_the_board_boots():
    faults = [fault("external_trip", "tripped", until_ms=None), fault("power", "reset", 200, None)]
    rig = Rig(faults)
    with pytest.raises(SystemExit):
        rig.sleep_ms(500)
    again = Rig(faults, saved=rig.world.save(), wake=False)
    assert again.pin(BOARD.PIN_EXTERNAL_TRIP) == 1


@pytest.mark.parametrize(("kind", "ending"), [("off", "power_off"), ("reset", "reset")])
def test_power_and_resets_end_this_life_once(kind, ending):
    faults = [fault("power", kind, until_ms=None)]
    rig = Rig(faults)
    with pytest.raises(SystemExit):
        rig.sleep_ms(200)
    assert rig.world.ended[:2] == [ending, 100]
    again = Rig(faults, saved=rig.world.save())
    again.sleep_ms(200)
    assert again.world.ended is None
