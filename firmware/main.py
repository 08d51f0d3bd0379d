"""First breath of the board: outputs to their safe level, and protect until the reset.

In service mode it ends after the outputs, and MicroPython's REPL comes. Whatever ends the run, an
exception or a MemoryError in the tick, leaves a safe state and resets. Where that is a loop, where
the image is not what was deployed, or where no configuration is good any more, the cabinet is held
instead. The order of the first second is a table in lib/README.md.
There is no boot.py: if that raised, this would not run.
"""

import sys

import micropython

micropython.kbd_intr(-1)  # a 0x03 byte on the console must not interrupt protection
if hasattr(micropython, "alloc_emergency_exception_buf"):  # every board has it, a host has not
    micropython.alloc_emergency_exception_buf(100)  # exceptions while the heap is locked

from machine import WDT, Pin, freq, reset, reset_cause

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


def start():
    """Protect until the reset, or hold the cabinet where it cannot be protected."""
    import esp

    import image
    import memory
    from packwarden.restart import Restart

    before = Restart(memory.restarts())
    before.begin(reset_cause(), service.ended())
    esp.osdebug(0, esp.LOG_NONE)  # the IDF would print each failed transaction on the console
    freq(board.CPU_HZ)
    name, wrong = image.check()
    if wrong:
        name, wrong = image.check()  # a read that fails once keeps no cabinet from protecting
    lost = None
    if not wrong and not before.looping:
        lost = protect(before, name)
        if lost is None:
            return
    import hold

    hold.current = hold.Hold(PINS, before, wrong, lost)
    hold.current.run()
    reset()


def protect(before, name):
    """Protect until the reset; `before`: a Restart, `name`: that of the image.

    Returns the Configuration where there was a good one and is none any more; else None.
    """
    running = None
    try:
        # This takes its time to load.
        import cabinet
        from configuration import ConfigurationError

        try:
            running = cabinet.current = cabinet.Cabinet(PINS, before, name)
            watchdog = WDT(timeout=WATCHDOG_ms)
            running.boot()
            running.run(watchdog)
        except ConfigurationError as error:
            if error.lost:
                return error.lost
            stay(before, error)
    except Exception as error:
        if running is None and isinstance(error, ImportError):
            stay(before, error)
        else:
            try:
                if running is None:
                    before.failed(error)
                else:
                    running.fail(error)
                sys.print_exception(error)  # last: a console that does not take it costs nothing
            finally:
                reset()
    return None


def stay(before, error):
    """End at the REPL with the outputs safe and no watchdog, so that files can be copied."""
    before.ends()
    print("not protecting:", error)


if not service.begins():
    start()
