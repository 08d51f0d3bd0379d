"""Medians: the kernels that sort some values of an array, and find who is compared with what."""

import micropython
from micropython import const

_NONE = const(0)  # as in `fixed`: kernels need constants of their own module


@micropython.viper
def ascending(order, source, first: int, step: int, count: int, mask: int) -> int:
    """Sort into `order` those of `count` values that are in a mask; return how many there are.

    `source`: biased or NONE, which is left out; value k is at `first` + k * `step`, and bit k of
    the mask says whether it takes part. From the control step.
    """
    at = ptr32(order)
    given = ptr32(source)
    found = 0
    place = first
    end = first + count * step
    while place < end:
        if mask & 1:
            own = given[place]
            if own != _NONE:
                i = found
                while i > 0 and at[i - 1] > own:
                    at[i] = at[i - 1]
                    i -= 1
                at[i] = own
                found += 1
        mask >>= 1
        place += step
    return found


@micropython.viper
def middle(order, count: int) -> int:
    """Return the median of the first `count` places of an ascending array, NONE of none."""
    at = ptr32(order)
    if count == 0:
        return _NONE
    half = count >> 1
    if count & 1:
        return at[half]
    return at[half - 1] + ((at[half] - at[half - 1]) >> 1)


@micropython.viper
def other(order, count: int, own: int) -> int:
    """Return the reference for one of at most two values: the other one; NONE without others.

    `order`: the first `count` places ascending, biased; `own` is one of them. Of more than two
    values the median is the reference, and it is for a value that is not one of them.
    """
    at = ptr32(order)
    if count < 2:
        return _NONE
    return at[1] if at[0] == own else at[0]
