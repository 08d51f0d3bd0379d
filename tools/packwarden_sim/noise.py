"""Noise of the measuring chips: one integer generator per channel, the same in both VMs.

A linear congruential generator modulo 2^31 (multiplier and increment of the C standard's
example). The product stays below 2^62, so no VM makes a big integer of it. The two topmost
bits choose from a table of four: -1, 0, 0, +1 is a triangular distribution of one LSB.

The chip models write `x = (state * MUL + INC) & MASK; value += TRIANGLE[x >> SHIFT]` in line: a
call would cost as much as the rest of a read.
"""

MUL = 1_103_515_245
INC = 12_345
MASK = 0x7FFF_FFFF
SHIFT = 29
TRIANGLE = (-1, 0, 0, 1)
QUIET = (0, 0, 0, 0)


def stream(seed, channel):
    """Return the generator's first state for a channel (0..4095) and a run's seed (0 or more)."""
    state = ((seed & MASK) * 69_069 + channel * 1_566_083_941 + 1) & MASK
    # The first steps carry the neighbouring seeds and channels apart.
    for _ in range(4):
        state = (state * MUL + INC) & MASK
    return state


def spread(state, amplitude):
    """Return a number within -amplitude .. amplitude, each as likely, from other bits of a state.

    For channels that a fault made noisy.
    """
    return ((state >> 8 & 0xFFFF) * (2 * amplitude + 1) >> 16) - amplitude
