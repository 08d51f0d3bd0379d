"""The feed by the sags along the busbar: end feed is named, a diagonal one never called so."""

import pytest

from lib.condition.banks import Packs
from packwarden.condition import feed
from packwarden_sim import bank_build


def shares(batteries, fed, scatter=0, seed=1, sag=True):
    """What each battery carries times its resistance (or without that), by the nodal model."""
    figures = bank_build.complete(
        {"batteries": batteries, "feed": fed, "scatter_percent": scatter}
    )
    packs, ladder = bank_build.packs(figures, seed), bank_build.ladder(figures)
    ladder.factor([1 / (ohm + 0.00205) for ohm in packs.inner_ohm])
    packs.refresh()
    ladder.open_circuit(packs.emf_V)
    currents = [0.0] * batteries
    ladder.share(50 * batteries, packs.emf_V, currents)
    weights = packs.inner_ohm if sag else [0.016] * batteries
    return [round(1e5 * i * ohm) for i, ohm in zip(currents, weights, strict=True)]


def verdict(profile):
    found = []
    for _ in feed.judge(profile, found):
        pass
    (told,) = found
    return told


@pytest.mark.parametrize("batteries", [4, 8, 15])
@pytest.mark.parametrize("scatter", [0, 10])
def test_end_feed_is_named_with_its_end(batteries, scatter):
    for seed in range(1 if scatter == 0 else 10):
        for near in (0, 1):
            node = batteries if near else 1
            told = verdict(shares(batteries, [node, node], scatter, seed))
            assert told[:2] == (feed.ONE_END, near)


@pytest.mark.parametrize("batteries", range(2, 16))
def test_a_diagonal_feed_is_never_called_end_feed(batteries):
    for seed in range(20):
        for sag in (True, False):
            for fed in ([1, batteries], [batteries, 1]):
                told = verdict(shares(batteries, fed, 10 if seed else 0, seed, sag))
                assert told[0] != feed.ONE_END


@pytest.mark.parametrize("batteries", [8, 15])
def test_a_diagonal_feed_is_named_where_it_shows(batteries):
    assert verdict(shares(batteries, "diagonal", 10))[0] == feed.DIAGONAL


@pytest.mark.parametrize("batteries", [8, 15])
def test_what_rewiring_gains_is_that_of_the_nodal_model(batteries):
    _, _, highest, diagonal = verdict(shares(batteries, "one_end"))
    for told, fed in ((highest, "one_end"), (diagonal, "diagonal")):
        currents = shares(batteries, fed, sag=False)
        expected = max(currents) * batteries / sum(currents)
        assert told / feed.MEAN == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("profile", [[], [100], [5, 5, 5], [900, 0, 900, 900], [1000] * 8])
def test_too_little_tells_nothing(profile):
    assert verdict(profile)[0] == feed.CANNOT_TELL


def test_fed_in_the_middle_is_neither():
    assert verdict(shares(8, [4, 4]))[0] == feed.CANNOT_TELL


@pytest.mark.parametrize(("fed", "expected"), [("one_end", 1), ("diagonal", 2)])
def test_it_is_found_from_the_steps_of_a_bank(fed, expected):
    packs = Packs(8, fed, tick_ms=500).live(1.5)
    assert verdict([packs.resistances.sag(k) for k in range(8)])[0] == expected
