"""Arithmetic of the estimators: forgetting means, ratios and roots of whole numbers of 31 bits."""

import micropython
from micropython import const

MOST = const((1 << 28) - 1)  # of a ratio: where it would be more, it is this

_MOST = const((1 << 28) - 1)  # once more: kernels need constants of their own


@micropython.viper
def toward(mean: int, value: int, count: int) -> int:
    """Return a mean with one more value of weight 1/`count`, rounded; both within +-2^29."""
    if count < 2:
        return value
    step = value - mean
    if step >= 0:
        return mean + (step + (count >> 1)) // count
    return mean - ((count >> 1) - step) // count


@micropython.viper
def ratio(numerator: int, denominator: int, places: int) -> int:
    """Return numerator / denominator with so many binary places, at most MOST, cut off.

    0 <= numerator < 2^29; 0 <= denominator < 2^29.
    """
    if denominator == 0:
        return _MOST
    found = numerator // denominator
    if found > _MOST >> places:
        return _MOST
    rest = numerator - found * denominator
    while places > 0:
        rest <<= 1
        found <<= 1
        if rest >= denominator:
            rest -= denominator
            found += 1
        places -= 1
    return found


@micropython.viper
def root(square: int) -> int:
    """Return the square root of 0 .. 2^30-1, cut off."""
    found = 0
    bit = 1 << 28
    while bit > square:
        bit >>= 2
    while bit:
        if square >= found + bit:
            square -= found + bit
            found = (found >> 1) + bit
        else:
            found >>= 1
        bit >>= 2
    return found


def clipped(value, most):
    """Return a value within -most .. most."""
    return max(-most, min(value, most))
