"""Entry of the simulated board's process: `micropython start.py JOB.json`, or with python.

Reads the job, puts the fakes in the place of the board's modules, builds the cabinet and runs
the firmware's main.py until the board resets or the run ends.

The job's keys: `repo`, `state_dir` (holds the board's flash/ and what outlives a reset),
`hardware` (a configuration that tells what is really wired, whatever the flash holds), `source`
({"kind": "trace", "path"} or {"kind": "bank", "model"}, with "stuck": breakers that stay closed;
or {"kind": "trials", "path", "trials"}, see `trials`), `seed`, `speed` (0: as fast as it goes),
`end_ms`, `console` (none, script, stdio, flood, fuzz), `script` ([[t_ms, text], ...]),
`script_every` ([period_ms, text]), `fuzz` ([seed, lines, PIN], see `fuzz`), `truth_every_ms`,
`meter` (tell what the ticks took), `faults` (see `faults`), `pull_at_write` (in the midst of which
write to the flash the plug is to be pulled, 0: none), `ticks_began_us` (where `time.ticks_us`
begins in each life), `coarse_until_ms` (until when the tick is a second long, and then as
configured), `restarts` (0 at power-on), `cause` (of the last restart), `chip` (its unique id, in
hex), `out_fd` (where the lines of `host_lines` go).
"""

import json
import os
import sys

_MICROPYTHON = sys.implementation.name == "micropython"
_FAKES = ("machine", "time", "select", "esp", "esp32", "gc", "io", "os")


def _prepare_path(repo, flash):
    """Put the board's root and lib/ in the place of this script's folder, then the simulator.

    Last the folders of a deployed image: what is wired is read from its board.py.
    """
    sys.path[:1] = [flash, flash + "/lib", repo + "/tools"]
    if not _MICROPYTHON:
        sys.path.insert(3, repo + "/tools/cpython")
    sys.path.extend([flash + "/image.a", flash + "/image.b"])


def _source(job, board, hardware):
    source = job["source"]
    if source["kind"] != "bank":
        from packwarden_sim.sensing import shunt_most

        sensors = hardware.get("sensors", {})
        pull_up, reference = sensors.get("pull_up_ohm", 4700), sensors.get("reference_ohm", 4700)
        supply_uv = board.EXCITATION_MV * 1000
        main_uohm, uohm = sensors.get("main_shunt_uohm", 0), sensors.get("shunt_uohm", 250)
        reference_uv = supply_uv * reference // (pull_up + reference)
        main = (main_uohm, uohm, shunt_most(sensors))
        if source["kind"] == "trials":
            from packwarden_sim.trials import TrialSource

            return TrialSource(source["path"], reference_uv, main)
        from packwarden_sim.trace_source import TraceSource

        return TraceSource(source["path"], reference_uv, main)
    from packwarden_sim.bank import BankSource

    return BankSource(source["model"], hardware, job.get("seed", 1))


def _pacer(speed, time):
    """A function that waits until real time is virtual time / speed; None for no pacing."""
    if not speed:
        return None
    from packwarden_sim.clock import us

    # MicroPython's `time` has no monotonic clock in nanoseconds.
    now_ns = getattr(time, "monotonic_ns", time.time_ns)
    begin_ns = now_ns()
    begin_us = us[0]

    def pace(virtual_us):
        ahead_ns = int((virtual_us - begin_us) * 1000 / speed) - (now_ns() - begin_ns)
        if ahead_ns > 0:
            time.sleep(ahead_ns / 1_000_000_000)

    return pace


def _console(job, lines, select):
    from packwarden_sim import console

    mode = job.get("console")
    if mode == "fuzz":
        from packwarden_sim.fuzz import Fuzz

        seed, count, pin = job["fuzz"]
        return Fuzz(seed + job.get("restarts", 0), count, pin, lines.console)
    if mode == "script":
        return console.Script(lines.console)
    if mode == "flood":
        return console.Flood()
    return console.Stdio(select) if mode == "stdio" else console.Silent()


def _build(job):
    """Build the world of this life of the board; return it, and the file of what outlives it."""
    import select
    import time

    import board
    from packwarden_sim import clock, costs, world
    from packwarden_sim.faults import Schedule
    from packwarden_sim.host_lines import HostLines
    from packwarden_sim.wiring import Wiring

    hardware = job.get("hardware") or {}
    out = open(job["out_fd"], "wb") if _MICROPYTHON else open(job["out_fd"], "wb", 0)
    lines = HostLines(out)
    saved = _read_json(_world_file(job)) if job.get("restarts") else None
    seed = job.get("seed", 1)
    clock.reset(costs.BOOT_US)
    life, moved = world.World, None
    if job["source"]["kind"] == "trials":
        from packwarden_sim import trials

        life, moved = trials.Trials, trials.Outputs()
    stuck = job["source"].get("stuck") or ()
    wiring = Wiring(board, hardware, _source(job, board, hardware), seed, stuck, moved)
    faults = Schedule(job.get("faults") or (), wiring, saved["t_ms"] if saved else None)
    console = _console(job, lines, select)
    pacer = _pacer(job.get("speed"), time)
    here = life(job, wiring, faults, lines, console, pacer, saved)
    _read_rtc(job, here.rtc)
    wiring.nvs.restore(_read_json(_nvs_file(job)) or {})
    wiring.nvs.keep = lambda kept: _keep_nvs(job, here, kept)
    world.current = here
    return here, lines


def _world_file(job):
    return job["state_dir"] + "/world.json"


def _nvs_file(job):
    return job["state_dir"] + "/nvs.json"


def _read_json(path):
    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def _write_whole(path, kept):
    """Write JSON aside, then rename it: this process may be killed at any moment."""
    with open(path + ".new", "w") as file:
        json.dump(kept, file)
    os.rename(path + ".new", path)


def _keep_nvs(job, here, kept):
    """Keep what the partition has committed: it is there whole, or as it was."""
    if here.wiring.flash.tears():
        here.pull()
    _write_whole(_nvs_file(job), kept)


def _read_rtc(job, rtc):
    """What the memory holds: its bytes from before a reset, noise after power-on."""
    from packwarden_sim import noise

    try:
        with open(job["state_dir"] + "/rtc.bin", "rb") as file:
            rtc[:] = file.read(len(rtc))
    except OSError:
        state = noise.stream(job.get("seed", 1), 4_000)
        for place in range(len(rtc)):
            state = (state * noise.MUL + noise.INC) & noise.MASK
            rtc[place] = state >> 20 & 255


def _write_state(job, here):
    if here.ended[0] != "power_off":
        with open(job["state_dir"] + "/rtc.bin", "wb") as file:
            file.write(here.rtc)
    _write_whole(_nvs_file(job), here.wiring.nvs.save())
    _write_whole(_world_file(job), here.save())


def _run_firmware(job, here):
    """Run main.py as a board does, with the fakes in place; note how it ended if nobody did.

    The firmware has a board.py of its own: what is wired here may be of an older image.

    Returns True where main.py has ended and somebody sits at the REPL: then they stay in place.
    """
    modules = {}
    for name in _FAKES:
        modules[name] = __import__("packwarden_sim.fakes." + name, None, None, [name])
    modules["machine"].began_by = job.get("cause")
    modules["machine"].chip = bytes.fromhex(job.get("chip", "7061636b7764"))
    modules["time"].began_us = job.get("ticks_began_us", 0)
    real = {name: sys.modules.get(name) for name in _FAKES}
    sys.modules.update(modules)
    if not _MICROPYTHON:
        sys.print_exception = _print_exception
    home = os.getcwd()
    os.chdir(job["state_dir"] + "/flash")
    for name in ("board", "fifteen"):
        sys.modules.pop(name, None)
    at_repl = False
    try:
        with open("main.py") as file:
            exec(compile(file.read(), "main.py", "exec"), {"__name__": "__main__"})
        if here.watched_us() is None and not job.get("restarts"):
            _note(here, "crash", "main.py returned")
        elif _MICROPYTHON and job.get("console") == "stdio":
            at_repl = True
        else:
            here.idle()
    except SystemExit:
        _note(here, "crash", "the firmware left with SystemExit")
    except Exception as error:
        _print_exception(error)
        _note(here, "crash", "%s: %s" % (type(error).__name__, error))
    finally:
        if not at_repl:
            os.chdir(home)
            for name in _FAKES:
                if real[name] is None:
                    sys.modules.pop(name, None)
                else:
                    sys.modules[name] = real[name]
    return at_repl


def _begin_repl(job, here, lines):
    """Let this process become the REPL of the VM, at the board's flash and with its modules.

    The host is the board's watchdog then. The world stands still.
    """
    watched_us = here.watched_us()
    _note(here, "reset", None)
    _write_state(job, here)

    def reset():
        _write_state(job, here)
        lines.last(*here.ended)
        sys.exit()

    sys.modules["machine"].reset = reset
    lines.repl(watched_us and watched_us // 1000)
    os.putenv("HOME", job["state_dir"])  # where this VM keeps the REPL's history
    os.putenv("MICROPYINSPECT", "1")


def _note(here, cause, detail):
    try:
        here.end(cause, detail)
    except SystemExit:
        pass


def _print_exception(error):
    if _MICROPYTHON:
        sys.print_exception(error, sys.stderr)
    else:
        __import__("traceback").print_exception(error)


def _unlock_heap():
    """A board that stopped inside its tick left the heap locked."""
    import micropython

    # Unlocking tells the depth; one unlocking too many would lock for good.
    micropython.heap_lock()
    while micropython.heap_unlock():
        pass


def main():
    """Run one life of the board."""
    with open(sys.argv[1]) as file:
        job = json.load(file)
    _prepare_path(job["repo"], job["state_dir"] + "/flash")
    here, lines = _build(job)
    if _run_firmware(job, here):
        _begin_repl(job, here, lines)
        return
    _unlock_heap()
    _write_state(job, here)
    if job.get("meter"):
        lines.meter(here.meter.report())
    lines.last(*here.ended)


main()
