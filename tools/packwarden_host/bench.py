"""`packwarden bench`: what the control step costs in time and memory, here or on a board.

Ratios of one run mean something on every machine; microseconds are those of the machine that ran.
What a target cannot know is None, and so is what nothing here can measure.
"""

import json
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from packwarden_host import bank_file, bench_table, budget, oracle, sources, targets
from packwarden_host.board_target import Board
from packwarden_host.errors import BadInput, RunFailed
from packwarden_host.progress import Progress
from packwarden_host.replay import with_tick
from packwarden_host.sim import steady
from packwarden_host.sim_view import real_time_s
from packwarden_host.targets import Target, UnixVm, WasmVm
from packwarden_host.vm import Cabinet, Job

KEYS = (
    "batteries",
    "step_us",
    "step_us_bytecode",
    "step_us_float",
    "kernel_us",
    "kernel_us_c",
    "alloc_bytes",
    "bus_bytes_per_tick",
    "bus_bytes_minimum",
    "heap_used_bytes",
    "heap_free_bytes",
    "late_ticks",
    "sim_ratio",
    "worst_step_us",
    "heap_code_bytes",
    "heap_state_bytes",
)
BATTERIES = 15
ROUNDS = 5  # of 500 steps; of each step the least is taken
BOARD_ROUNDS = 1  # nobody else runs there
HEAP = "1m"  # on the 64-bit VM, as roomy as it has to be to measure
CPU_HZ = (240_000_000, 160_000_000)  # the fastest that an ESP32 and S3, and a C3, can
_SIZES = range(2, BATTERIES + 1)
_SIMULATED = (4, BATTERIES)
# Simulated seconds by tick: enough to dwarf the start of the VM.
_SIMULATED_S = {10: 120, 1000: 3600}

Figures = dict
Measurement = tuple[str, Callable[[], Figures]]


def run(port: str | None, as_json: bool) -> None:
    """Measure and print a table, or one JSON object."""
    if port is None:
        result = _all(_here())
    else:
        with Board(port) as board, _full_speed(board) as cpu_hz:
            result = _all(_on(board)) | {"cpu_hz": cpu_hz}
            result |= {"runs": f"{targets.described(board.facts())}, {board.facts()['emitter']}"}
    if as_json:
        print(json.dumps(result))
    else:
        bench_table.show(result, port)


def _all(measurements: list[Measurement]) -> Figures:
    """What all measurements give; the keys that none gives are None."""
    result = dict.fromkeys(KEYS) | {"batteries": BATTERIES}
    with Progress(["bench"], len(measurements)) as progress:
        for name, measure in measurements:
            progress.at("bench", name)
            result |= measure()
        progress.ended("bench", "done")
    return result


def _here() -> list[Measurement]:
    """The measurements on this machine."""
    viper, bytecode = UnixVm(), UnixVm("64-bit VM, bytecode", viper=False)
    return [
        ("control step, viper", lambda: step(viper)),
        ("control step, bytecode", lambda: {"step_us_bytecode": step(bytecode)["step_us"]}),
        ("control step, floats", lambda: float_step(viper)),
        ("kernels", lambda: kernels_and_c(viper)),
        ("control step, 2 .. 15 batteries", lambda: linearity(viper)),
        ("heap", lambda: heap(UnixVm(heap=HEAP), "x64")),
        ("heap, 32 bits", heap_32),
        ("bus", bus),
        *((f"simulation, {n} batteries", lambda n=n: simulation(n)) for n in _SIMULATED),
    ]


def _on(board: Board) -> list[Measurement]:
    """The measurements on a board; what does not fit its memory stays None."""
    march = targets.march(board.facts())
    return [
        ("control step", lambda: _if_it_fits(lambda: step(board, BATTERIES, BOARD_ROUNDS))),
        ("control step, bytecode", lambda: _if_it_fits(lambda: bytecode_step(board))),
        ("control step, floats", lambda: _if_it_fits(lambda: float_step(board, BOARD_ROUNDS))),
        ("kernels", lambda: _if_it_fits(lambda: kernels(board))),
        ("heap", lambda: _if_it_fits(lambda: heap(board, march))),
    ]


def _if_it_fits(measure: Callable[[], Figures]) -> Figures:
    try:
        return measure()
    except RunFailed as error:
        if "MemoryError" in str(error):
            return {"did_not_fit": True}
        raise


# ---- one function for each figure --------------------------------------------------------------


def step(target: Target, batteries: int = BATTERIES, rounds: int = ROUNDS) -> Figures:
    """step_us, worst_step_us, alloc_bytes, slots: of the control step of a quiet bank."""
    return _told(target, script("step", rounds), files(bank(batteries)))


def bytecode_step(board: Board) -> Figures:
    """step_us_bytecode on a board that has a viper compiler."""
    plain = sources.without_emitters(files(bank()))
    found = _told(board, targets.CASTS + script("step", BOARD_ROUNDS), plain)
    return {"step_us_bytecode": found["step_us"]}


def float_step(target: Target, rounds: int = ROUNDS) -> Figures:
    """step_us_float: the same work as one would write it with floats and objects."""
    found = _told(target, script("float_step", rounds), files(bank()))
    return {"step_us_float": found["step_us_float"]}


def kernels(target: Target) -> Figures:
    """kernel_us: measuring and comparing one frame."""
    return _told(target, script("kernels"), files(bank()))


def kernels_and_c(target: Target) -> Figures:
    """kernel_us and, where gcc is, kernel_us_c: the reference in C on the same frame."""
    found = _told(target, "import kernels\nkernels.main(True)\n", files(bank()))
    return {"kernel_us_c": oracle.kernel_us_c(found.pop("quiet"))} | found


def heap(target: Target, march: str | None) -> Figures:
    """heap_*_bytes of the firmware alone, compiled as `deploy` will, after boot."""
    needed = {**files(bank()), **sources.firmware()}
    return _told(target, _HEAP_SCRIPT, sources.compiled(needed, march))


def heap_32() -> Figures:
    """heap_code_bytes_32 and heap_state_bytes_32: in a VM whose words are as long as a board's.

    It has no viper compiler: kernels are bytecode there. On an ESP32 their machine code is not in
    this heap.
    """
    try:
        needed = sources.without_emitters({**files(bank()), **sources.firmware()})
        found = _told(WasmVm(), _HEAP_SCRIPT, sources.compiled(needed, None))
    except BadInput:  # not installed
        return {"heap_code_bytes_32": None, "heap_state_bytes_32": None}
    return {f"{key}_32": found[key] for key in ("heap_code_bytes", "heap_state_bytes")}


def linearity(target: Target) -> Figures:
    """us_per_battery, us_fixed, us_residual: a line through the quiet steps of 2 .. 15 batteries.

    us_residual: how far the worst one lies off it.
    """
    times_us = [step(target, batteries, 2)["step_us"] for batteries in _SIZES]
    line = statistics.linear_regression(_SIZES, times_us)
    off_us = [us - line.slope * n - line.intercept for n, us in zip(_SIZES, times_us, strict=True)]
    return {
        "step_us_by_batteries": dict(zip(_SIZES, times_us, strict=True)),
        "us_per_battery": line.slope,
        "us_fixed": line.intercept,
        "us_residual": max(off_us, key=abs),
    }


def bus() -> Figures:
    """bus_bytes_per_tick, bus_bytes_minimum, late_ticks: of a healthy bank, in simulated time."""
    return budget.bus_figures(BATTERIES)


def simulation(batteries: int) -> Figures:
    """sim_ratios_<batteries>: simulated over real time, by tick; sim_ratio: of 15 at 10 ms."""
    ratios = {tick_ms: _ratio(batteries, tick_ms) for tick_ms in _SIMULATED_S}
    named = {f"{batteries} batteries, {tick} ms tick": ratio for tick, ratio in ratios.items()}
    found: Figures = {f"sim_ratios_{batteries}": named}
    return found | ({"sim_ratio": ratios[min(ratios)]} if batteries == BATTERIES else {})


def _ratio(batteries: int, tick_ms: int) -> float:
    """How fast a healthy bank is simulated at a tick, as fast as the machine can."""
    plan = steady(batteries)
    end_s = _SIMULATED_S[tick_ms]
    began_s = real_time_s()
    with Cabinet(with_tick(bank_file.build(plan.choices()), tick_ms)) as cabinet:
        for _ in cabinet.lines(Job(plan.source(), end_s * 1000)):
            pass
    return round(end_s / (real_time_s() - began_s), 1)


# ---- how a script of packwarden_target is run --------------------------------------------------

_HEAP_SCRIPT = targets.COLLECT.join(
    ["import heap\n", "heap.load()\n", "heap.boot()\n", "heap.tell()\n"]
)


def bank(batteries: int = BATTERIES) -> dict:
    """The configuration that is measured, as shipped."""
    return bank_file.build(steady(batteries).choices())


def files(config: dict) -> dict[str, str]:
    """What a script of the bench needs."""
    return {**sources.library(), **sources.scripts(), "config.json": json.dumps(config)}


def script(name: str, rounds: int = ROUNDS) -> str:
    """What runs a module of tools/packwarden_target; rounds: of 500 steps each."""
    return f"import sys\nsys.argv[:] = ['', '{rounds}']\nimport {name}\n{name}.main()\n"


def _told(target: Target, text: str, needed: sources.Files) -> Figures:
    """The JSON object that a script prints."""
    try:
        return json.loads(target.run(text, needed))
    except ValueError as error:
        raise RunFailed(f"{target.name}: cannot be read: {error}") from error


@contextmanager
def _full_speed(board: Board) -> Iterator[int | None]:
    """Let a board run as fast as it can, then as before; its frequency in Hz, None: unknown."""
    before = _frequency(board, ())
    try:
        yield _frequency(board, CPU_HZ)
    finally:
        if before is not None:
            _frequency(board, (before,))


def _frequency(board: Board, wanted: tuple[int, ...]) -> int | None:
    """Set the first frequency that a board takes, Hz; returns the one that it has then."""
    told = json.loads(board.run(f"wanted = {wanted}\n{_FREQUENCY_SCRIPT}", {}))
    return told if isinstance(told, int) else None


_FREQUENCY_SCRIPT = """
import json
try:
    import machine
    for hz in wanted:
        try:
            machine.freq(hz)
            break
        except ValueError:
            pass
    print(json.dumps(machine.freq()))
except (ImportError, AttributeError):  # no board
    print("null")
"""
