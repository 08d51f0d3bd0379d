"""Fuses and breakers as data: the limits of the standards, and what is not sound is refused."""

import math

import pytest

from packwarden_host import devices
from packwarden_host.devices import SHIPPED, parse, read
from packwarden_host.errors import BadInput

# IEC 60269-1, table 3: least current at 10 s, most at 5 s, least and most at 0.1 s.
GATES = {
    63: (160, 320, 450, 820),
    80: (215, 425, 610, 1100),
    100: (290, 580, 820, 1450),
    125: (355, 715, 1100, 1910),
    160: (460, 950, 1450, 2590),
    200: (610, 1250, 1910, 3420),
    250: (750, 1650, 2590, 4500),
}


def band(text, kind):
    return parse(text, kind, "--any").band("any")


@pytest.mark.parametrize("rated_A", GATES)
def test_a_gg_fuse_passes_its_gates(rated_A):
    fuse = band(f"gg:{rated_A}", "fuse")
    least_10_s, most_5_s, least_100_ms, most_100_ms = GATES[rated_A]
    assert fuse.earliest(least_10_s) == pytest.approx(10)
    assert fuse.latest(most_5_s) == pytest.approx(5)
    assert fuse.earliest(least_100_ms) == pytest.approx(0.1)
    assert fuse.latest(most_100_ms) == pytest.approx(0.1)
    hours = 2 if rated_A <= 160 else 3
    assert fuse.earliest(1.25 * rated_A) == math.inf
    assert fuse.earliest(1.2501 * rated_A) == pytest.approx(3600 * hours, rel=0.01)
    assert fuse.latest(1.6 * rated_A) == math.inf
    assert fuse.latest(1.6001 * rated_A) == pytest.approx(3600 * hours, rel=0.01)


@pytest.mark.parametrize(("small", "large"), [(63, 100), (80, 125), (100, 160), (125, 200)])
def test_gg_fuses_are_selective_in_the_ratio_that_the_standard_promises(small, large):
    """1.6 to 1: what the smaller one takes at most melts the larger one at the earliest."""
    melting = {one.rated_A: one for one in read("gg").melting}
    assert GATES[small][3] == GATES[large][2]
    less, more = melting[small].i2t_A2s, melting[large].i2t_A2s
    assert less and more and less[1] == more[0]


@pytest.mark.parametrize(
    ("name", "lowest", "highest"), [("mcb_b", 3, 7), ("mcb_c", 5, 14), ("mcb_d", 10, 28)]
)
def test_a_miniature_breaker_keeps_its_limits(name, lowest, highest):
    """IEC 60898-1, table 7; on DC the upper limit of the magnetic release is 1.4 times higher."""
    for rated_A, hours, longest_s in ((32, 1, 60), (63, 1, 120), (100, 2, 120)):
        breaker = band(f"{name}:{rated_A}", "breaker")
        assert breaker.earliest(1.13 * rated_A) == math.inf
        assert breaker.latest(1.4501 * rated_A) == pytest.approx(3600 * hours, rel=0.01)
        assert breaker.earliest(2.549 * rated_A) == pytest.approx(1, rel=0.02)
        assert breaker.latest(2.55 * rated_A) == pytest.approx(longest_s)
        assert breaker.earliest(lowest * rated_A * 0.999) > 0
        assert breaker.earliest(lowest * rated_A) == 0
        assert breaker.latest(highest * rated_A * 0.999) > 0.1
        assert breaker.latest(highest * rated_A) == breaker.latest(90 * rated_A) == 0.1


def test_a_moulded_case_breaker_keeps_its_limits():
    breaker = band("mccb:500", "breaker")
    assert breaker.earliest(525) == breaker.latest(650) == math.inf
    assert breaker.latest(650.1) == pytest.approx(7200, rel=0.01)
    assert (breaker.earliest(750), breaker.latest(750)) == pytest.approx((120, 400))
    assert (breaker.earliest(4000), breaker.latest(6000)) == (0, 0.2)


def test_a_fuse_of_which_no_curve_is_known_may_melt_at_once_above_what_it_carries():
    fuse = band("class_t:200", "fuse")
    assert fuse.earliest(220) == math.inf
    assert fuse.earliest(221) == 0
    assert fuse.latest(271) == pytest.approx(7200, rel=0.01)


@pytest.mark.parametrize("name", devices.shipped())
def test_every_type_acts_sooner_the_larger_the_current_and_never_later_than_its_latest(name):
    kind = read(name)
    for rated_A in kind.ratings_A:
        one = band(f"{name}:{rated_A:g}", kind.kind)
        every = [rated_A * 1.1**step for step in range(60)]
        for side in (one.earliest, one.latest):
            times = [side(current_A) for current_A in every]
            assert times == sorted(times, reverse=True)
        assert all(one.earliest(current_A) <= one.latest(current_A) for current_A in every)


SOUND = (SHIPPED / "mcb_c.toml").read_text()
FUSE = (SHIPPED / "gg.toml").read_text()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("title = ", "not TOML"),
        (SOUND.replace('title = "', 'color = "'), "title: is missing"),
        (SOUND + "gauge = 1\n", "magnetic.gauge: is not a key that is known here"),
        (SOUND.replace('kind = "breaker"', 'kind = "relay"'), "kind: must be 'fuse' or 'breaker'"),
        (SOUND.replace("capacity_kA = 10", 'capacity_kA = "10"'), "breaking.capacity_kA: must be"),
        (SOUND.replace("capacity_kA = 10", "capacity_kA = 0"), "breaking.capacity_kA: must be"),
        (SOUND.replace("[[2.55, 1]]", "[[2.55, inf]]"), "thermal[1].earliest[1][2]: must be"),
        (SOUND.replace("[[2.55, 1]]", "[[2.55]]"), "thermal[1].earliest[1]: List should have"),
        (SOUND.replace("[[2.55, 1]]", "[[2.55, 1], [3, 2]]"), "current rises, time falls"),
        (SOUND.replace("carries = 1.13", "carries = 1.5"), "opens 1.45 is not above carries 1.5"),
        (SOUND.replace("63, 80, 100, 125]", "160]"), "conventional says nothing of 160 A"),
        (SOUND.replace('breaking = "IEC', 'broken = "IEC'), "['breaking', 'broken']"),
        (SOUND.replace('thermal = "IEC', '# "'), "source has to name those of"),
        (SOUND.replace('kind = "breaker"', 'kind = "fuse"'), "a fuse has neither thermal nor"),
        (FUSE.replace('kind = "fuse"', 'kind = "breaker"'), "a breaker has no melting"),
        (FUSE.replace("63, 80", "50, 80"), "melting says nothing of 50 A"),
        (FUSE.replace("[[160, 10]", "[[70, 10]"), "current rises, time falls"),
        (FUSE.replace("[9000, 27000]", "[900, 27000]"), "current rises, time falls"),
    ],
)
def test_what_is_not_sound_is_refused_with_its_place_and_reason(written, text, reason):
    path = written(text, "own.toml")
    with pytest.raises(BadInput) as refusal:
        read(str(path))
    assert str(refusal.value).startswith(str(path))
    assert reason in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("gg", "is not of the form TYPE:AMPERE, like gg:160, or none"),
        ("gg:", "is not of the form"),
        (":160", "is not of the form"),
        ("gg:nan", "is not of the form"),
        ("gg:161", "is made for 63, 80, 100, 125, 160, 200, 250 A"),
        ("mcb_c:125", "is a breaker, not a fuse"),
        ("no_such:10", "no_such: neither a file nor one of the types class_t, gg, mcb_b"),
    ],
)
def test_what_is_no_device_is_refused_with_what_would_do(text, reason):
    with pytest.raises(BadInput) as refusal:
        parse(text, "fuse", "--fuse")
    assert reason in str(refusal.value)


def test_a_type_of_ones_own_is_a_file(written):
    path = written(FUSE.replace("capacity_kA = 25", "capacity_kA = 120"), "own.toml")
    own = parse(f"{path}:160", "fuse", "--fuse")
    assert (own.type.breaking.capacity_kA, own.rated_A) == (120, 160)
    assert own.title == "gG fuse-link, NH, 160 A"
