"""Inverse-time characteristics: the curves by name, their rate tables, and the integrator kernel.

t = TMS * (k / (M^alpha - 1) + c), M = current / pickup > 1 (IEC 60255-151, IEEE C37.112). Applied
dynamically: each millisecond adds FULL / t(M), the element operates at FULL; below pickup the way
back is FULL * (1 - M^2) / (TMS * tr) a millisecond.
"""

import micropython
from micropython import const

from packwarden.fixed import MASK, Q, exp, ints, ln, to_fixed

# name: (k, alpha, c, tr), each in 1/10000. k, alpha, c: IEC 60255-151 and IEEE C37.112. tr of the
# IEEE curves: C37.112; of the IEC curves: the constants that GE publishes for curves A, B and C.
CURVES = {
    "IEC_SI": (1400, 200, 0, 97000),
    "IEC_VI": (135000, 10000, 0, 432000),
    "IEC_EI": (800000, 20000, 0, 582000),
    "IEEE_MI": (515, 200, 1140, 48500),
    "IEEE_VI": (196100, 20000, 4910, 216000),
    "IEEE_EI": (282000, 20000, 1217, 291000),
}

STEP_SHIFT = const(18)
FULL = const(1000 << 18)  # 0.1 % of the way is 1 << STEP_SHIFT; FULL is below 2^28

_SEGMENTS = const(32)  # a table segment is 1/32 of an octave of M, or of M = 0 .. 1 below pickup
_OCTAVES = const(5)  # up to 32 times the pickup; above, the time is that at 32
_M_ONE = const(4096)
_M_MAX = const((4096 << 5) - 1)

_BIAS = const(1 << 29)  # as in `fixed`: kernels need constants of their own module
_NONE = const(0)


def operate_ms(name, tms_e3, m_q):
    """Return the time to operate in ms at m_q = M << Q > 1 << Q, with the TMS in 1/1000."""
    k, alpha, c, _ = CURVES[name]
    power = exp(alpha * ln(m_q, 1 << Q) // 10000) - (1 << Q)
    if power <= 0:
        return MASK
    return min(MASK, tms_e3 * (k * (1 << Q) + c * power) // (10000 * power))


def rate_tables(name, tms_e3):
    """Return (rise, fall): what a millisecond adds above, and takes below pickup.

    `rise` has a value at each 1/32 of an octave of M from 1 to 32, `fall` at each 1/32 from 0 to
    1.
    """
    k, alpha, c, reset = CURVES[name]
    rise = ints(_SEGMENTS * _OCTAVES + 1)
    for i in range(1, _SEGMENTS * _OCTAVES + 1):
        octave, part = divmod(i, _SEGMENTS)
        power = exp(alpha * ln((_SEGMENTS + part) << octave, _SEGMENTS) // 10000) - (1 << Q)
        rise[i] = min(FULL, FULL * power * 10000 // (tms_e3 * (k * (1 << Q) + c * power)))
    fall = ints(_SEGMENTS + 2)
    for i in range(_SEGMENTS + 1):
        left = _SEGMENTS * _SEGMENTS - i * i  # 1 - M^2 in 1/1024
        fall[i] = min(FULL, FULL * left * 10000 // (tms_e3 * reset * 1024))
    return rise, fall


@micropython.viper
def integrate(ctx, now: int, dt: int, batteries: int):
    """Move every battery's integrator by `dt` ms (0 .. 2000) and store its way in 0.1 %.

    ctx: the quantities, the way (0 .. FULL), the times since which each is above its pickup, rise,
    fall, [pickup in steps of so many mA, and how many], the places of the loads (biased mA) and of
    the results (biased 0.1 %) among the quantities. A load that is not known moves nothing. From
    the control step.
    """
    values = ptr32(ctx[0])
    way = ptr32(ctx[1])
    since = ptr32(ctx[2])
    rise = ptr32(ctx[3])
    fall = ptr32(ctx[4])
    pickup = ptr32(ctx[5])[0]
    step_mA = ptr32(ctx[5])[1]
    load_at = int(ctx[6])
    result_at = int(ctx[7])
    k = 0
    while k < batteries:
        stored = values[load_at + k]
        if stored != _NONE:
            m = (stored - _BIAS) // step_mA * _M_ONE // pickup
            if m > _M_MAX:
                m = _M_MAX
            done = way[k]
            if m > _M_ONE:
                shift = 7  # a segment of the first octave: 4096 / 32 = 1 << 7
                at = 0
                while m >= (_M_ONE << 1):
                    m >>= 1
                    at += _SEGMENTS
                at += (m - _M_ONE) >> shift
                part = (m - _M_ONE) & 127
                step = rise[at + 1] - rise[at]
                if step < (1 << 22):
                    rate = rise[at] + ((step * part) >> shift)
                else:  # steep: keep the product within 30 bits
                    rate = rise[at] + (step >> shift) * part
                if dt > 0:
                    if rate >= (FULL - done) // dt + 1:
                        done = FULL
                    else:
                        done += rate * dt
            else:
                since[k] = now
                at = m >> 7
                rate = fall[at] - (((fall[at] - fall[at + 1]) * (m & 127)) >> 7)
                if dt > 0:
                    if rate >= done // dt + 1:
                        done = 0
                    else:
                        done -= rate * dt
            way[k] = done
            values[result_at + k] = (done >> STEP_SHIFT) + _BIAS
        k += 1


class Integrator:
    """The inverse-time integrators of a bank, one per battery; binds `integrate`'s arrays."""

    STATE = ("way", "since")

    def __init__(self, batteries, settings, values, load_at, result_at, together=1):
        """Bind to the quantities `values`: loads from `load_at`, results from `result_at`.

        `settings`: pickup in A, curve and tms, as in the configuration; `together`: how many
        batteries make up one load. Boot only.
        """
        self.pickup_mA = to_fixed(settings["pickup"], 1000)
        self.since = ints(batteries)
        self.way = ints(batteries)
        rise, fall = rate_tables(settings["curve"], to_fixed(settings["tms"], 1000))
        step_mA = 100 * together  # so that the largest load keeps within 30 bits
        pickup = ints(2, step_mA)
        pickup[0] = (self.pickup_mA + step_mA // 2) // step_mA
        self.ctx = (values, self.way, self.since, rise, fall, pickup, load_at, result_at)

    def begin(self, now_ms):
        """Count the time above the pickup from here on. When protection begins."""
        for k in range(len(self.since)):
            self.since[k] = now_ms
