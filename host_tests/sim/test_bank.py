"""The physical bank: shares, faults, and the interface that the chips see."""

import pytest

from packwarden_sim.bank import BankSource
from packwarden_sim.clock import NEVER
from packwarden_sim.load import Load
from packwarden_sim.pack import ocv_V
from sim.banks import BUS_V, SHUNT_A, bank, fault, run

# ---- a dead busbar


def test_a_dead_busbar_is_precharged_while_the_main_is_closed():
    for precharged, main, alive in ((True, 1, True), (True, 0, False), (False, 1, False)):
        source = bank(0.0, precharged=precharged)
        source.apply(0, 0, main, 0, 1, 1)
        assert source.bus_V == pytest.approx(source.packs.emf_V[0] if alive else 0.0)
        assert source.currents_A == [0.0] * 4


# ---- shares


@pytest.mark.parametrize(
    ("batteries", "feed", "most", "least"),
    [(4, "one_end", 1.07, 0.95), (8, [1, 1], 1.33, 0.81), (15, "diagonal", 1.29, 0.83)],
)
def test_a_standard_bank_shares_as_known_once_its_slow_resistance_is_there(
    batteries, feed, most, least
):
    source = bank(45.0 * batteries, batteries=batteries, feed=feed, settled=True)
    run(source, 0)
    assert max(source.currents_A) / 45 == pytest.approx(most, abs=0.006)
    assert min(source.currents_A) / 45 == pytest.approx(least, abs=0.006)


def test_right_after_a_step_only_the_straight_resistance_counts():
    source = bank(180.0, feed="one_end")
    run(source, 0)
    quick = max(source.currents_A)
    run(source, 600_000, from_ms=100)
    assert quick > max(source.currents_A) > 45


def test_codes_are_those_of_the_configured_monitor():
    source = bank(200.0)
    run(source, 1000)
    for k in range(4):
        assert source.shunt[k] * SHUNT_A == pytest.approx(source.currents_A[k], abs=SHUNT_A)
    assert source.bus[4] * BUS_V == pytest.approx(source.bus_V, abs=BUS_V)
    assert source.bus[0] > source.bus[4]  # the cables and links take their part


def test_currents_beyond_the_range_saturate():
    source = BankSource(
        {"load": {"steps": [[0, 0, 5000]]}},
        {"sensors": {"monitor": "ina238", "shunt_uohm": 1000}},
        1,
    )
    run(source, 0)
    assert source.shunt[:4] == [32767] * 4


def main_shunt_A(source):
    return source.shunt[-1] * 312.5e-9 / 100e-6


def test_a_shunt_in_the_main_line_carries_load_and_shorts_behind_the_main():
    sensors = {"main_shunt_uohm": 100}
    shorts = [
        fault("external_short", 1000, short_mohm=500, behind_main=True),
        fault("external_short", 2000, short_mohm=500, behind_main=False),
    ]
    source = run(bank(200.0, shorts, sensors=sensors), 900)
    assert main_shunt_A(source) == pytest.approx(200.0, abs=0.01)
    run(source, 1000, from_ms=1000)
    behind_A = 200.0 + source.bus_V / 0.5
    assert main_shunt_A(source) == pytest.approx(behind_A, abs=0.01)
    run(source, 2000, from_ms=2000)
    behind_A = 200.0 + source.bus_V / 0.5
    assert main_shunt_A(source) == pytest.approx(behind_A, abs=0.01)
    assert sum(source.currents_A) > behind_A + 80  # the short ahead of it passes it by
    run(source, 2010, main=0, from_ms=2010)
    assert source.shunt[-1] == 0


def test_without_a_shunt_the_busbars_monitor_has_no_current():
    offset = fault("current_offset", battery="main", offset_A=5.0)
    assert run(bank(200.0, [offset]), 100).shunt[-1] == 0


def test_the_main_channel_may_read_wrong_and_saturates():
    offset = fault("current_offset", 500, battery="main", offset_A=-5.0)
    source = run(bank(200.0, [offset], sensors={"main_shunt_uohm": 100}), 1000)
    assert main_shunt_A(source) == pytest.approx(195.0, abs=0.01)
    assert sum(source.shunt[:4]) * SHUNT_A == pytest.approx(200.0, abs=0.01)
    source = run(bank(5000.0, sensors={"main_shunt_uohm": 5000}), 0)
    assert source.shunt[-1] == (1 << 19) - 1


# ---- switches


def test_an_open_breaker_leaves_the_voltage_and_moves_the_load_to_the_others():
    source = bank(280.0)
    run(source, 500)
    run(source, 1000, closed=0b1011, from_ms=510)
    assert source.shunt[2] == 0
    assert source.bus[2] * BUS_V == pytest.approx(source.packs.emf_V[2], abs=BUS_V)
    assert sum(source.currents_A) == pytest.approx(280.0)


def test_the_main_ends_the_load_but_not_what_batteries_do_to_each_other():
    source = bank(280.0, soc_percent=[100, 50, 50, 50])
    run(source, 100, main=0)
    assert source.load_A == 0.0
    assert source.currents_A[0] > 20
    assert sum(source.currents_A) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("load_A", "permit"), [(100.0, "discharge"), (-100.0, "charge")])
def test_the_permissives_hold_the_inverter(load_A, permit):
    source = bank(load_A)
    run(source, 0)
    assert source.load_A == load_A
    run(source, 100, from_ms=10, **{permit: 0})
    assert source.load_A == 0.0


def test_all_open_is_dead():
    source = run(bank(280.0), 100, closed=0)
    assert (source.bus[4], source.shunt[:4], source.load_A) == (0, [0] * 4, 0.0)


def test_lists_are_changed_in_place():
    source = bank(100.0, faults=[fault("thermistor_short", battery=1, terminal="+", at_ms=500)])
    before = (source.shunt, source.bus, source.adc_uv, source.states)
    run(source, 2000)
    assert all(a is b for a, b in zip(before, _lists(source), strict=True))
    assert [len(values) for values in _lists(source)] == [5, 5, 10, 5]
    assert all(isinstance(value, int) for values in _lists(source) for value in values)
    assert (source.contacts, source.bms, source.end_ms) == (0b1111, 0, NEVER)


def _lists(source):
    return source.shunt, source.bus, source.adc_uv, source.states


def test_the_next_solution_is_due_on_the_grid_or_at_the_next_corner():
    source = bank(faults=[fault("fan_fails", at_ms=230)])
    source.apply(0, 15, 1, 0, 1, 1)
    assert source.next_ms == 100
    source.apply(203, 15, 1, 0, 1, 1)
    assert source.next_ms == 230
    source.apply(230, 15, 1, 0, 1, 1)
    assert source.next_ms == 300


# ---- load


def test_a_profile_holds_steps_and_ramps():
    load = Load([[1000, 0, 100.0], [2000, 1000, 300.0], [2500, 500, 0.0]])
    demands = {t_ms: load.demand(t_ms) for t_ms in (0, 999, 1000, 1999, 2250, 2500, 2750, 9999)}
    assert list(demands.values()) == [0, 0, 100, 100, 150, 200, 100, 0]
    assert Load([[1000, 0, 1.0]]).next_ms(0) == 1000
    assert load.next_ms(9999) == NEVER


def test_a_load_of_power_draws_what_it_needs_and_never_more_than_there_is():
    power = {"steps": [[0, 0, 10_000.0]], "power": True}
    source = run(bank(load=power), 0)
    assert source.load_A * source.bus_V == pytest.approx(10_000.0)
    impossible = {"steps": [[0, 0, 1e7]], "power": True}
    source = run(bank(load=impossible), 0)
    assert source.bus_V == pytest.approx(source.ladder.open_V / 2)


def test_the_inverter_stops_at_its_own_limits():
    low = run(bank(load={"steps": [[0, 0, 2000]], "cutoff_V": 50.0}), 0)
    assert low.bus_V == pytest.approx(50.0)
    high = run(bank(load={"steps": [[0, 0, -2000]], "ceiling_V": 55.0}), 0)
    assert high.bus_V == pytest.approx(55.0)
    most = run(bank(load={"steps": [[0, 0, -2000]], "most_A": 150.0}), 0)
    assert most.load_A == -150.0


# ---- what goes wrong


def test_a_loose_joint_grows_lowers_its_share_and_heats_its_terminal():
    loose = fault("joint_resistance", 1000, battery=5, terminal="+", added_mohm=5.0, ramp_ms=2000)
    source = bank(750.0, [loose], batteries=15, settled=True)
    run(source, 900)
    sound = source.currents_A[4]
    run(source, 2000, from_ms=1000)
    half = source.currents_A[4]
    run(source, 3000, from_ms=2100)
    assert sound > half > source.currents_A[4]
    run(source, 600_000, from_ms=3100)
    temperatures = source.thermal.lug_C
    assert temperatures.index(max(temperatures)) == 8
    assert source.adc_uv.index(min(source.adc_uv[:30])) == 8  # the hottest has the lowest voltage


def test_a_shorted_cell_is_fed_by_the_others():
    source = bank(160.0, [fault("internal_short", 1000, battery=3, shorted_cells=1)])
    run(source, 900)
    assert source.currents_A[2] > 0
    run(source, 1000, from_ms=1000)
    assert source.currents_A[2] < -150
    assert source.shunt[2] < 0


def test_a_bridge_inside_a_pack_drains_and_heats_it_though_its_breaker_is_open():
    source = bank(0.0, [fault("internal_short", battery=1, short_mohm=100)])
    run(source, 60_000, closed=0b1110)
    short_A = 53.0 / 0.104
    assert source.packs.soc_percent[0] == pytest.approx(80 - short_A * 60 / 3600, abs=0.5)
    assert source.thermal.pack_C[0] > source.thermal.pack_C[1] + 20


def test_a_short_across_the_busbars_lies_ahead_of_the_main_or_behind_it():
    for behind, remains in ((True, False), (False, True)):
        shorted = [fault("external_short", short_mohm=1, behind_main=behind)]
        source = run(bank(0.0, shorted), 0)
        assert min(source.currents_A) > 1000
        run(source, 10, main=0, from_ms=10)
        assert (min(source.currents_A) > 1000) is remains


def test_a_prospective_fault_current_is_that_of_its_resistance():
    shorted = [fault("external_short", short_mohm=1e-3, behind_main=True)]
    # At first the straight resistance alone, (4.2 + 3.5 + 2.05) mOhm; the domain's 3.2 kA later.
    first = run(bank(0.0, shorted, batteries=1), 0)
    assert first.currents_A[0] == pytest.approx(16 * ocv_V(80) / 9.75e-3, rel=0.01)
    later = run(bank(0.0, shorted, batteries=1, settled=True), 0)
    assert later.currents_A[0] == pytest.approx(3200, rel=0.02)


def test_a_pack_that_is_joined_late_equalises_from_then_on():
    source = bank(0.0, [fault("joined", 1000, battery=2)], soc_percent=[90, 50, 90, 90])
    run(source, 900)
    assert source.currents_A[1] == 0
    assert source.bus[1] * BUS_V == pytest.approx(16 * ocv_V(50), abs=BUS_V)
    run(source, 1000, from_ms=1000)
    assert source.currents_A[1] < -20


def test_a_bms_opens_an_empty_battery_after_its_alarm():
    source = bank(50.0, batteries=1, soc_percent=1.0)
    alarmed_ms = opened_ms = None
    for t_ms in range(0, 600_000, 100):
        source.apply(t_ms, 1, 1, 0, 1, 1)
        if alarmed_ms is None and source.bms:
            alarmed_ms = t_ms
        if opened_ms is None and source.packs.bms_open[0]:
            opened_ms = t_ms
    assert 0 < alarmed_ms < opened_ms
    assert (source.bms, source.shunt, source.bus) == (1, [0, 0], [0, 0])


def test_the_posts_of_a_battery_that_its_bms_opened_show_the_busbar():
    source = run(bank(200.0, [fault("bms_opens", 500, battery=2)]), 1000)
    assert source.bms == 0b0010
    assert source.currents_A[1] == 0
    assert source.bus[1] * BUS_V == pytest.approx(source.bus_V, abs=0.1)
    run(source, 1200, closed=0b1101, from_ms=1100)
    assert source.bus[1] == 0


def test_faults_end_and_add_up():
    faults = [
        fault("current_offset", 100, battery=1, offset_A=5.0, until_ms=500),
        fault("current_offset", 300, battery=1, offset_A=2.0),
        fault("bms_alarm", 100, battery=4, until_ms=500),
        fault("voltage_offset", 100, battery=2, offset_V=-0.5, until_ms=500),
        fault("pack_voltage", 600, battery=3, offset_V=0.5, until_ms=700),
        fault("bms_opens", 600, battery=1, until_ms=700),
        fault("internal_resistance", 800, battery=4, added_mohm=10.0),
        fault("link_resistance", 800, link=1, terminal="-", added_mohm=3.0),
    ]
    source = bank(200.0, faults)

    def offset_A():
        return source.shunt[0] * SHUNT_A - source.currents_A[0]

    run(source, 200)
    assert offset_A() == pytest.approx(5.0, abs=0.01)
    assert source.bms == 0b1000
    assert source.bus[2] - source.bus[1] == pytest.approx(0.5 / BUS_V, abs=20)
    run(source, 400, from_ms=210)
    assert offset_A() == pytest.approx(7.0, abs=0.01)
    run(source, 500, from_ms=410)
    assert offset_A() == pytest.approx(2.0, abs=0.01)
    assert source.bms == 0
    run(source, 600, from_ms=510)
    assert source.currents_A[0] == 0
    assert source.currents_A[2] > source.currents_A[1] + 20
    run(source, 700, from_ms=610)
    before = list(source.currents_A)
    assert before[2] == pytest.approx(before[1], abs=1)
    run(source, 800, from_ms=710)
    assert source.currents_A[0] < before[0] - 3
    assert source.currents_A[3] < before[3] - 10


def test_thermistors_fail_at_once_and_drift():
    faults = [
        fault("thermistor_open", 250, battery=1, terminal="+", until_ms=750),
        fault("thermistor_short", 250, terminal="ambient"),
        fault("thermistor_offset", 250, battery=2, terminal="-", offset_K=20.0),
    ]
    source = bank(0.0, faults, gradient_K=0)
    run(source, 200)
    sound = source.adc_uv[0]
    run(source, 250, from_ms=250)
    assert source.adc_uv[0] == 2_200_000
    assert source.adc_uv[8] == 0
    assert source.adc_uv[3] < sound - 200_000
    run(source, 800, from_ms=300)
    assert source.adc_uv[0] == pytest.approx(sound, abs=100)
    assert source.adc_uv[9] == 1_100_000  # the reference resistor equals the pull-up
