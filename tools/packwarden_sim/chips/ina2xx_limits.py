"""The limits of INA226, INA228 and INA238: what their registers mean, as codes of the source.

INA228, INA238: four 16-bit limits for the upper 16 bits of a result. INA226: one function, the
topmost bit set in MASK/ENABLE, with one limit. The ends of a register cannot be exceeded: those
are NEVER here, for the source's codes are not yet saturated.
"""

from packwarden_sim.clock import NEVER

SHUNT_OVER = 0x40  # the flags, as in DIAG_ALRT
SHUNT_UNDER = 0x20
BUS_OVER = 0x10
BUS_UNDER = 0x08

# Registers that say what is compared with what.
REGISTERS_226 = (0x00, 0x06, 0x07)
REGISTERS_2X8 = (0x00, 0x01, 0x0C, 0x0D, 0x0E, 0x0F)
_ADCRANGE = 0x0010
# Bits of the INA226's functions in MASK/ENABLE, the one that takes precedence first.
_FUNCTIONS = ((0x8000, SHUNT_OVER), (0x4000, SHUNT_UNDER), (0x2000, BUS_OVER), (0x1000, BUS_UNDER))


def _signed(word):
    return word - 0x1_0000 if word & 0x8000 else word


def _beyond(word, shift):
    """From which code on a result is above the limit."""
    return NEVER if word == 0x7FFF else (word + 1) << shift


def _below(word, shift):
    """Below which code a result is under the limit."""
    return -NEVER if word == -0x8000 else word << shift


def arm_226(regs, line, index):
    """Bring the INA226's function and limit to the line. In the tick, as the next one is too."""
    limit = _signed(regs[0x07])
    function = 0
    for row in _FUNCTIONS:
        if regs[0x06] & row[0] and not function:
            function = row[1]
    line.arm(
        index,
        _beyond(limit, 0) if function == SHUNT_OVER else NEVER,
        _below(limit, 0) if function == SHUNT_UNDER else -NEVER,
        _beyond(limit, 0) if function == BUS_OVER else NEVER,
        _below(limit, 0) if function == BUS_UNDER else -NEVER,
    )


def arm_2x8(regs, shift, line, index):
    """Bring the four limits to the line; `shift`: bits that a code has more than a limit."""
    over = _beyond(_signed(regs[0x0C]), shift)
    under = _below(_signed(regs[0x0D]), shift)
    if regs[0x00] & _ADCRANGE:
        # The chip's codes are four times the source's.
        over = over if over == NEVER else -(-over // 4)
        under = under if under == -NEVER else -(-under // 4)
    line.arm(index, over, under, _beyond(regs[0x0E], shift), _below(regs[0x0F], shift))
