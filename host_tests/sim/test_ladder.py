"""The O(N) solution of the busbars against a dense nodal analysis, and against published banks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packwarden_sim.ladder import Ladder

BRANCH_OHM = 16.75e-3
LINK_OHM = 0.176e-3


def dense(conductance, emf, positive, negative, taps, load_A):
    """Node voltages of both rails by Kirchhoff's current law; the last node is the reference."""
    size = len(emf)
    matrix = np.zeros((2 * size, 2 * size))
    right = np.zeros(2 * size)

    def join(a, b, siemens):
        matrix[a, a] += siemens
        matrix[b, b] += siemens
        matrix[a, b] -= siemens
        matrix[b, a] -= siemens

    for k in range(size):
        join(k, size + k, conductance[k])
        right[k] += conductance[k] * emf[k]
        right[size + k] -= conductance[k] * emf[k]
    for k in range(size - 1):
        join(k, k + 1, 1 / positive[k])
        join(size + k, size + k + 1, 1 / negative[k])
    right[taps[0]] -= load_A
    right[size + taps[1]] += load_A
    volts = np.append(np.linalg.solve(matrix[:-1, :-1], right[:-1]), 0.0)
    currents = [conductance[k] * (emf[k] - volts[k] + volts[size + k]) for k in range(size)]
    return volts, currents


def solve(ladder, conductance, emf, load_A):
    ladder.factor(conductance)
    ladder.open_circuit(emf)
    currents = [0.0] * ladder.size
    ladder.share(load_A, emf, currents)
    return currents


ohm = st.floats(1e-5, 5e-3)


@st.composite
def banks(draw):
    size = draw(st.integers(1, 15))
    siemens = st.one_of(st.just(0.0), st.floats(5, 200))
    node = st.integers(0, size - 1)
    conductance = draw(
        st.lists(siemens, min_size=size, max_size=size).filter(lambda values: any(values))
    )
    return (
        conductance,
        draw(st.lists(st.floats(40, 60), min_size=size, max_size=size)),
        draw(st.lists(ohm, min_size=size - 1, max_size=size - 1)),
        draw(st.lists(ohm, min_size=size - 1, max_size=size - 1)),
        (draw(node), draw(node)),
        draw(st.floats(-1500, 1500)),
    )


@given(banks())
def test_any_bank_agrees_with_the_dense_nodal_solution(bank):
    conductance, emf, positive, negative, taps, load_A = bank
    volts, wanted = dense(conductance, emf, positive, negative, taps, load_A)
    ladder = Ladder(positive, negative, *taps)
    currents = solve(ladder, conductance, emf, load_A)
    assert currents == pytest.approx(wanted, abs=1e-5)
    size = len(emf)
    bus_V = ladder.open_V - ladder.source_ohm * load_A
    assert bus_V == pytest.approx(volts[taps[0]] - volts[size + taps[1]], abs=1e-6)
    for k in range(size):
        assert ladder.across_V(k, load_A) == pytest.approx(volts[k] - volts[size + k], abs=1e-6)


@given(banks())
def test_what_the_batteries_give_is_what_the_load_and_the_resistances_take(bank):
    conductance, emf, positive, negative, taps, load_A = bank
    ladder = Ladder(positive, negative, *taps)
    currents = solve(ladder, conductance, emf, load_A)
    given_W = sum(volt * ampere for volt, ampere in zip(emf, currents, strict=True))
    lost_W = ladder.losses_W(load_A, currents)
    lost_W += sum(i * i / g for i, g in zip(currents, conductance, strict=True) if g)
    bus_V = ladder.open_V - ladder.source_ohm * load_A
    assert given_W == pytest.approx(bus_V * load_A + lost_W, rel=1e-6, abs=1e-3)


def test_an_open_battery_carries_nothing_and_a_dead_bank_has_no_voltage():
    ladder = Ladder([1e-3] * 2, [1e-3] * 2, 0, 2)
    assert solve(ladder, [50.0, 0.0, 50.0], [53.0] * 3, 100.0)[1] == 0.0
    assert solve(ladder, [0.0] * 3, [53.0] * 3, 0.0) == [0.0] * 3
    assert ladder.source_ohm is None
    assert ladder.open_V == ladder.across_V(1, 0.0) == 0.0


def shares(batteries, taps, extra_ohm=(), load_A=None, branch=BRANCH_OHM, link=LINK_OHM):
    links = batteries - 1
    ladder = Ladder([link] * links, [link] * links, *taps)
    branches = [branch] * batteries
    for battery, more in extra_ohm:
        branches[battery - 1] += more
    emf = [53.0] * batteries
    load_A = 45.0 * batteries if load_A is None else load_A
    return solve(ladder, [1 / value for value in branches], emf, load_A)


@pytest.mark.parametrize(
    ("taps", "published_A"),
    [((0, 0), (35.9, 26.2, 20.4, 17.8)), ((0, 3), (26.7, 23.2, 23.2, 26.7))],
    ids=["one end", "diagonal"],
)
def test_the_well_known_worked_example(taps, published_A):
    # Published for "100 A"; the published shares add up to 100.3 and 99.8.
    found = shares(4, taps, load_A=sum(published_A), branch=20e-3, link=1.5e-3)
    assert found == pytest.approx(published_A, abs=0.1)


@pytest.mark.parametrize(
    ("batteries", "taps", "most", "least"),
    [
        (4, (0, 0), 1.07, 0.95),
        (8, (0, 0), 1.33, 0.81),
        (15, (0, 0), 2.08, 0.50),
        (4, (0, 3), 1.01, 0.99),
        (8, (0, 7), 1.07, 0.95),
        (15, (0, 14), 1.29, 0.83),
    ],
)
def test_shares_against_the_mean_of_modern_packs(batteries, taps, most, least):
    found = shares(batteries, taps)
    mean = sum(found) / batteries
    assert max(found) / mean == pytest.approx(most, abs=0.005)
    assert min(found) / mean == pytest.approx(least, abs=0.005)


def test_a_loose_joint_lowers_its_own_battery_and_heats_there():
    sound = shares(15, (0, 14), load_A=750.0)
    loose = shares(15, (0, 14), [(5, 5e-3)], load_A=750.0)
    assert sound[4] == pytest.approx(45.4, abs=0.05)
    assert loose[4] == pytest.approx(35.7, abs=0.06)
    assert loose[4] ** 2 * 5e-3 == pytest.approx(6.4, abs=0.05)
    # The highest current is elsewhere: it does not point at the fault.
    assert loose.index(min(loose)) == 4
    assert loose.index(max(loose)) in (0, 14)
