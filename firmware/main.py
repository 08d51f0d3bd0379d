"""First breath of the board: outputs to their safe level, watchdog, and protect until the reset.

In service mode it ends after the outputs, and MicroPython's REPL comes. Whatever ends the run, an
exception or a MemoryError in the tick, leaves a safe state and resets.
There is no boot.py: if that raised, this would not run.
"""

import sys

import micropython

micropython.kbd_intr(-1)  # a 0x03 byte on the console must not interrupt protection
if hasattr(micropython, "alloc_emergency_exception_buf"):  # every board has it, a host has not
    micropython.alloc_emergency_exception_buf(100)  # exceptions while the heap is locked

from machine import WDT, Pin, freq, reset

import board

# De-energised: no breaker moves, the alarm is given, nothing is permitted.
PINS = [
    Pin(number, Pin.OUT, value=1 if name in board.ACTIVE_LOW_PINS else 0)
    for name, number in (
        ("main", board.PIN_MAIN_TRIP),
        ("alarm", board.PIN_ALARM),
        ("charge", board.PIN_CHARGE),
        ("discharge", board.PIN_DISCHARGE),
    )
]
for bit in range(len(board.RELAY_PINS)):
    PINS.append(Pin(board.RELAY_PINS[bit], Pin.OUT, value=board.ACTIVE_LOW_RELAYS >> bit & 1))

import service

WATCHDOG_ms = 5000  # longer than a tick of 1 s with a hung bus, shorter than a fire


def protect():
    """Protect until the reset."""
    # This takes its time to load.
    import esp

    import cabinet
    from configuration import ConfigurationError

    running = None
    esp.osdebug(0, esp.LOG_NONE)  # the IDF would print each failed transaction on the console
    try:
        freq(board.CPU_HZ)
        running = cabinet.current = cabinet.Cabinet(PINS)
        watchdog = WDT(timeout=WATCHDOG_ms)
        running.boot()
        running.run(watchdog)
    except ConfigurationError as error:
        # No watchdog yet: stay at the REPL with safe outputs, so that a good one can be copied.
        print("not protecting:", error)
    except Exception as error:
        try:
            if running is not None:
                running.fail(error)
            sys.print_exception(error)  # last: a console that does not take it costs no safety
        finally:
            reset()


if not service.begins():
    protect()
