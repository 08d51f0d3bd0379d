"""Range proof of the estimators: nothing leaves the small integers of a board of 32 bits.

They run in the slack as bytecode, where an integer that is wider allocates. A copy of the library
whose integers and arrays raise lives through loads, lost sensors and extremes.
"""

import pytest

from proofs import checked
from proofs.checked import OutOfBounds, OutOfRange

pytestmark = pytest.mark.usefixtures("untraced")


def lived(ticks, batteries=2, rated_mA=100_000, seed=7, change=None):
    life = checked.life(batteries, rated_mA, seed, change)
    for number in range(ticks):
        life.tick(number)
        if number % 150 == 149:
            life.learn()
    return life


@pytest.mark.parametrize("rated_mA", [10_000, 62_500, 600_000])
def test_no_load_no_fault_and_no_extreme_leaves_31_bits(rated_mA):
    life = lived(400, rated_mA=rated_mA)
    assert min(life.joints.kept[1], life.joints.kept[2]) > 12  # it has rested, and carried
    assert life.resistances.kept[0] > 8


# What is wrong with an estimator: (module, its source, the source with the defect).
DEFECTS = {
    "a sum of two biased values": (
        "resistances",
        "plus + (minus - plus) // 2 if mean",
        "(plus + minus) // 2 if mean",
    ),
    "a square in full": ("joints", "((share * share) >> 10) << _FINE", "share * share << _FINE"),
    "a share in full": ("shares", "// 16 * MEAN // (mean // 16)", "* MEAN // mean"),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_found(name):
    with pytest.raises((OutOfRange, OutOfBounds)):
        lived(400, change=DEFECTS[name])
