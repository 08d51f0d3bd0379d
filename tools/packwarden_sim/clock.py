"""Virtual time of the simulated board, shared by the fakes and the chip models.

`us[0]` is the time since power-on or reset in microseconds. It is one item of a list because
that is what every fake can advance and read fastest and without allocating: a virtual day is
below 2^37, a century below 2^62, so it stays a small integer in the 64-bit VM.
"""

# Later than any time of a run, and still a small integer in the 64-bit VM.
NEVER = 1 << 60

us = [0]
# Of it, what the converters have taken so far; for the meter.
adc_us = [0]


class Over(SystemExit):
    """Raised out of a fake when the simulated board stops (run ended, reset, power off)."""


def reset(start_us=0):
    """Set virtual time to `start_us`; called when a simulated board powers up."""
    us[0] = start_us
