"""Arithmetic of the estimators: forgetting means, ratios and roots of whole numbers of 31 bits."""

from micropython import const

MOST = const((1 << 28) - 1)  # of a ratio: where it would be more, it is this


def toward(mean, value, count):
    """Return a mean with one more value of weight 1/`count`, rounded; both within +-2^29."""
    step = value - mean
    if step >= 0:
        return mean + (step + (count >> 1)) // count
    return mean - ((count >> 1) - step) // count


def ratio(numerator, denominator, places):
    """Return numerator / denominator with so many binary places, at most MOST, cut off.

    0 <= numerator < 2^29; 0 < denominator < 2^29.
    """
    found = numerator // denominator
    if found > MOST >> places:
        return MOST
    rest = numerator % denominator
    for _ in range(places):
        rest <<= 1
        found <<= 1
        if rest >= denominator:
            rest -= denominator
            found += 1
    return found


def root(square):
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
