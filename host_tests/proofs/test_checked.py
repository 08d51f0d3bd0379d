"""What `checked` is made of raises where a board of 32 bits would allocate, or read elsewhere."""

import pytest

from proofs.checked import LIMIT, Memory, OutOfBounds, OutOfRange, Small


@pytest.mark.parametrize(
    "operate",
    [
        lambda n: n + n,
        lambda n: 1 + (n + (n - 1)),
        lambda n: -n - n - 1,
        lambda n: n * 2,
        lambda n: 2 * n,
        lambda n: n << 1,
        lambda n: 1 << n,
        lambda n: -(-n - n),
        lambda n: abs(-n - n),
        lambda n: n / 2,
        lambda n: n + 1.0,
        lambda n: n**2,
        lambda n: Small(2 * int(n)),
        lambda n: Memory("i", [0]).__setitem__(0, -1),
        lambda n: Memory("i", [0]).__setitem__(0, 2 * int(n)),
        lambda n: Memory("B", [256]),
        lambda n: Memory("H", [0]).__setitem__(0, 1 << 16),
    ],
)
def test_what_does_not_fit_raises(operate):
    with pytest.raises(OutOfRange):
        operate(Small(1 << 29))


@pytest.mark.parametrize("place", [-1, 3])
def test_a_place_outside_an_array_raises(place):
    memory = Memory("i", [0, 1, 2])
    assert (memory[0], len(memory)) == (0, 3)
    with pytest.raises(OutOfBounds):
        memory[place]
    with pytest.raises(OutOfBounds):
        memory[place] = 0


def test_what_fits_stays_a_small_integer():
    n = Small(1 << 29)
    assert (n - 1) + n == LIMIT - 1
    assert -n - n == -LIMIT
    assert type(Memory("i", [5])[0]) is Small
    results = (n - 1, 1 - n, n >> 3, 7 & n, -n, ~n, abs(n), n % 5, 5 // n)
    assert {type(result) for result in results} == {Small}
