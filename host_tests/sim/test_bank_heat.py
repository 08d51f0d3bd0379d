"""The physical bank: energy and heat, over a reset, and the same in the other VM."""

import io
import json
import runpy
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from packwarden_host.sources import below
from packwarden_host.targets import UnixVm
from packwarden_sim import thermal
from packwarden_sim.bank import BankSource
from packwarden_sim.bank_build import DEFAULTS
from packwarden_sim.pack import ocv_V
from packwarden_sim.thermal import Thermal
from sim.banks import bank, fault, run

# ---- energy and heat


def test_what_the_cells_give_is_what_the_load_takes_and_the_heat():
    hidden = {"lug_air_K_W": 3.0}
    source = bank(300.0, batteries=3, thermal=hidden, soc_percent=60)
    packs, heat = source.packs, source.thermal
    stored_J = heat.stored_J()
    given_J = delivered_J = bars_J = gone_J = 0.0
    for t_ms in range(0, 300_001, 100):
        source.apply(t_ms, 7, 1, 0, 1, 1)
        if t_ms < 300_000:
            for k in range(3):
                given_J += 16 * ocv_V(packs.soc_percent[k]) * source.currents_A[k] * 0.1
            delivered_J += source.load_A * source.bus_V * 0.1
            bars_J += source.ladder.losses_W(source.load_A, source.currents_A) * 0.1
        if t_ms % 1000 == 0 and t_ms:
            gone_J += heat.to_room_W
    warmed_J = heat.stored_J() - stored_J + gone_J
    assert warmed_J > 100_000
    assert warmed_J == pytest.approx(given_J - delivered_J - bars_J, rel=1e-4)


def test_charge_follows_the_current():
    source = run(bank(400.0), 360_000)
    mean = sum(source.packs.soc_percent) / 4
    assert mean == pytest.approx(80.0 - 100.0 * 0.1, abs=1e-6)


def heated(lug_W, seconds, fan=False, **figures):
    """One battery whose positive joint makes `lug_W` in a cabinet held at 25 degC."""
    constants = dict(thermal.DEFAULTS, air_J_K=1e12, pack_J_K=1e12, cable_J_K=1e12, **figures)
    model = Thermal(1, 25.0, 0.0, constants)
    model.fan = fan
    for _ in range(seconds):
        model.advance(1.0, [100.0**2], [lug_W / 100.0**2, 0.0], 0.0, [0.0])
    return model.lug_C[0] - 25.0


def test_a_lug_ends_at_its_power_times_its_thermal_resistance():
    constants = thermal.DEFAULTS
    paths = ("lug_air_K_W", "lug_cable_K_W", "lug_pack_K_W")
    together_K_W = 1 / sum(1 / constants[path] for path in paths)
    assert 2 < together_K_W < 6  # domain: 2..6 K/W
    assert heated(10.0, 3600) == pytest.approx(10.0 * together_K_W, rel=1e-4)
    time_s = constants["lug_J_K"] * together_K_W
    assert 120 < time_s < 480  # domain: 2..8 min
    assert heated(10.0, round(time_s)) == pytest.approx(
        10.0 * together_K_W * (1 - 2.718281828**-1), rel=0.01
    )


def test_the_fan_cools_a_lug_and_the_cabinet():
    assert heated(10.0, 3600, fan=True) < 0.9 * heated(10.0, 3600)
    still = run(bank(400.0, capacity_Ah=1000, r0_mohm=5), 1_800_000)
    blown = run(bank(400.0, capacity_Ah=1000, r0_mohm=5), 1_800_000, fan=1)
    failed = run(bank(400.0, [fault("fan_fails")], capacity_Ah=1000, r0_mohm=5), 1_800_000, fan=1)
    assert blown.thermal.air_C < still.thermal.air_C - 0.5
    assert failed.thermal.air_C == still.thermal.air_C


def test_settled_lugs_stay_where_they_are():
    source = run(bank(280.0, settled=True, gradient_K=4), 0)
    begin = list(source.thermal.lug_C)
    for _ in range(120):
        source.thermal.advance(
            1.0, [i * i for i in source.currents_A], source.joint_ohm, 1e-3, [0.0] * 4
        )
        source.thermal.air_C = 25.0
    assert source.thermal.lug_C == pytest.approx(begin, abs=0.02)
    assert begin[6] - begin[0] == pytest.approx(4.0, abs=0.6)  # the cabinet's gradient


def test_a_settled_bank_waits_warm_while_the_board_boots():
    source = bank(280.0, settled=True)
    source.apply(0, 15, 1, 0, 0, 0)
    assert source.load_A == 0.0
    assert source.thermal.lug_C[0] > 25.5
    source.apply(0, 15, 1, 0, 1, 1)
    assert source.load_A == 280.0
    assert source.currents_A[1] == pytest.approx(70.0, abs=1.5)


def test_a_long_tick_heats_as_much_as_many_short_ones():
    loose = fault("joint_resistance", battery=1, terminal="+", added_mohm=4.0)
    fine, coarse = bank(280.0, [loose]), bank(280.0, [loose])
    run(fine, 300_000)
    for t_ms in range(0, 300_001, 5000):
        coarse.apply(t_ms, 15, 1, 0, 1, 1)
    assert coarse.thermal.lug_C == pytest.approx(fine.thermal.lug_C, abs=0.3)


# ---- over a reset, scatter, the other VM


def test_a_bank_outlives_the_reset_of_its_controller():
    faults = [
        fault("room", 1000, change_K=8.0, ramp_ms=30_000),
        fault("joint_resistance", 0, battery=2, terminal="+", added_mohm=5.0, ramp_ms=60_000),
    ]
    through = run(bank(280.0, faults), 60_000)
    first = run(bank(280.0, faults), 20_000)
    state = json.loads(json.dumps(first.save()))
    second = bank(280.0, faults)
    second.apply(0, 15, 1, 0, 0, 0)
    second.restore(state)
    run(second, 60_000, from_ms=20_000)
    for key, value in through.truth(0).items():
        assert second.truth(0)[key] == pytest.approx(value, abs=0.02), key


def test_scatter_follows_the_seed():
    def resistances(seed):
        return BankSource({"scatter_percent": 5}, {}, seed).packs.r0_ohm

    assert resistances(1) == resistances(1) != resistances(2)
    assert len(set(resistances(1))) == 4
    assert all(0.95 * 4.2e-3 <= ohm <= 1.05 * 4.2e-3 for ohm in resistances(3))


def test_every_default_is_a_key_that_the_model_takes():
    source = BankSource(dict(DEFAULTS), {"sensors": "lost"}, 1)
    run(source, 100)
    assert source.load_A == 0.0


def test_cpython_and_the_vm_make_the_same_bank():
    script = Path(__file__).with_name("bank_runs.py")
    text = io.StringIO()
    with redirect_stdout(text):
        runpy.run_path(str(script), run_name="__main__")
    there = UnixVm().run(script.read_text(), below("tools/packwarden_sim", "packwarden_sim"))
    here = [[float(word) for word in line.split()] for line in text.getvalue().splitlines()]
    assert len(here) > 15
    for mine, line in zip(here, there.splitlines(), strict=True):
        assert [float(word) for word in line.split()] == pytest.approx(mine, abs=1, rel=1e-6)
