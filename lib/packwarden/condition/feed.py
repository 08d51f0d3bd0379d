"""How the bank is fed: from the sags (or shares) of its batteries along the busbar.

Along rails of equal links a battery gets more than its neighbour by 2 rho times what flows through
the link between them, rho being the resistance of a link over that of a battery with its cables
(the circuit stands in `packwarden_sim.ladder`). Fed from one end, that is the sum of all currents
from the far end to there; fed diagonally, of all from the middle on.
"""

from micropython import const

from packwarden.fixed import MASK

CANNOT_TELL = const(0)
ONE_END = const(1)
DIAGONAL = const(2)
NAMES = ("cannot tell", "fed from one end", "fed diagonally")

MEAN = const(1 << 14)  # of a profile
_MOST = const(1 << 18)
_FIRST = const(64)  # 2 rho, in 1/65536: from 0.1 % ...
_LAST = const(10486)  # ... to 16 %, a fifth more each
_LEAST = const(4)  # batteries: three make any line
_SHOWS = const(82)  # 0.5 %, on the mean: a profile that is flatter tells nothing
_CLEARER = const(3)  # times: what is told fits so much better than the other, and than nothing


def judge(profile, found):
    """Append (verdict, near end, highest, highest if fed diagonally) of a profile to `found`.

    `profile`: of each battery along the busbar, in any unit up to 2^24; 0: not known. Near end: 0
    the first, 1 the last one; highest: in 1/MEAN of the mean, as it would be of equal batteries.
    A generator that yields after each part. Allocates: for the console.
    """
    count = len(profile)
    if count < _LEAST or min(profile) <= 0:
        found.append((CANNOT_TELL, 0, 0, 0))
        return
    own = _normal(profile)
    flat = sum([abs(one - MEAN) for one in own])
    best = [(MASK, 0, 0)] * 3  # (how far off, near end, 2 rho) by verdict
    twice_rho = _FIRST
    while twice_rho <= _LAST:
        yield
        for verdict in (ONE_END, DIAGONAL):
            model = along(count, twice_rho, verdict == DIAGONAL)
            for near in (1, 0):
                off = sum([abs(one - other) for one, other in zip(own, model)])
                if model and off < best[verdict][0]:
                    best[verdict] = (off, near, twice_rho)
                model.reverse()
        twice_rho += twice_rho // 5
    one_end, diagonal = best[ONE_END], best[DIAGONAL]
    verdict = CANNOT_TELL
    if flat > count * _SHOWS:
        if one_end[0] * _CLEARER < min(diagonal[0], flat):
            verdict = ONE_END
        elif diagonal[0] * _CLEARER < min(one_end[0], flat):
            verdict = DIAGONAL
    near, twice_rho = best[verdict or ONE_END][1:]
    now = along(count, twice_rho, verdict == DIAGONAL)
    found.append((verdict, near, max(now), max(along(count, twice_rho, True))))


def along(count, twice_rho, diagonal):
    """Return what equal batteries carry along the busbar, mean MEAN; []: beyond all reason.

    Fed from one end, the near one is the last.
    """
    half = count
    carried = 0
    if diagonal:
        half = (count + 1) // 2
        if count % 2:
            carried = -(MEAN // 2)  # the link beside the middle battery carries half of it
    own = MEAN
    model = []
    for _ in range(half):
        model.append(own)
        carried += own
        own += (carried >> 4) * twice_rho >> 12
        if own > _MOST:
            return []
    if diagonal:
        model = (model[::-1] if count % 2 == 0 else model[:0:-1]) + model
    return _normal(model)


def _normal(profile):
    """Return a profile with the mean MEAN."""
    total = sum(profile)
    return [one * MEAN * len(profile) // total for one in profile]
