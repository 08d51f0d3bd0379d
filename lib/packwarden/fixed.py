"""Fixed-point conventions that every module shares: biased storage, 30-bit time, decimals, ln and
exp.

A signed quantity `v` is stored as `v + BIAS` in an array of 32-bit integers, so that every load is
non-negative: then a 64-bit and a 32-bit viper kernel, bytecode and CPython see the same bits.
Admitted values stay within +-2^28 and every intermediate within -2^30 .. 2^30-1, the small
integers of a 32-bit MicroPython; one step outside would allocate on the heap.
"""

from array import array

from micropython import const

BIAS = const(1 << 29)
NONE = const(0)  # stored instead of a value: "there is none"; no biased value is ever 0
ASIDE = const(1)  # stored instead of a value: "has no part in it"; below every pickup and dropout
MASK = const((1 << 30) - 1)  # milliseconds wrap here, as `time.ticks_ms` does on the board

Q = const(40)  # binary places of ln() and exp(), which run at boot only


def ints(length, value=0):
    """Return a new array of `length` integers, all `value` (0 .. 2^30-1). Boot only: allocates."""
    return array("i", [value] * length)


def ln(numerator, denominator=1):
    """Return the natural logarithm of a positive ratio with `Q` binary places, by big integers.

    Exact to about 2^-36 and the same on every machine, which no floating `log` is. Boot only.
    """
    if numerator <= 0 or denominator <= 0:
        raise ValueError("logarithm of a ratio that is not positive")
    twos = 0
    while numerator >= 2 * denominator:
        denominator *= 2
        twos += 1
    while numerator < denominator:
        numerator *= 2
        twos -= 1
    return twos * _LN2 + _atanh2(numerator - denominator, numerator + denominator)


def exp(power):
    """Return e^power, both with `Q` binary places, for |power| below 16. Boot only."""
    total = term = 1 << Q
    n = 1
    while term:
        term = ((term * abs(power)) >> Q) // n
        total += term
        n += 1
    return total if power >= 0 else (1 << 2 * Q) // total


def _atanh2(numerator, denominator):
    """Return ln((d+n)/(d-n)) = 2 atanh(n/d) for 0 <= n/d <= 1/3."""
    x = (numerator << Q) // denominator
    square = (x * x) >> Q
    total = 0
    n = 1
    while x:
        total += x // n
        x = (x * square) >> Q
        n += 2
    return 2 * total


_LN2 = _atanh2(1, 3)


def split_ratio(numerator, denominator):
    """Return (whole, upper, lower): a ratio as an integer and two 10-bit fractions, rounded.

    `scale` in `measure` multiplies a 20-bit code by it without leaving 30 bits. Boot only.
    """
    ratio = ((numerator << 20) + denominator // 2) // denominator
    return ratio >> 20, (ratio >> 10) & 1023, ratio & 1023


def to_fixed(number, per_unit):
    """Return a number of the configuration as an integer count of 1/`per_unit`, rounded."""
    scaled = number * per_unit
    return int(scaled + 0.5) if scaled >= 0 else -int(0.5 - scaled)


def decimal(value, per_unit, places):
    """Return `value` (in 1/`per_unit`) as text with `places` decimals, rounded half away from
    zero.

    The one number formatter of records, console and replay. Not for the control step: allocates.
    """
    scale = 10**places
    magnitude = (abs(value) * scale * 2 + per_unit) // (2 * per_unit)
    sign = "-" if value < 0 and magnitude else ""
    if not places:
        return sign + str(magnitude)
    digits = str(magnitude % scale)
    return sign + str(magnitude // scale) + "." + "0" * (places - len(digits)) + digits
