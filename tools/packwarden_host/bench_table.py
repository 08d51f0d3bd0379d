"""The table of `packwarden bench`: figures with unit, target, and how they were measured."""

from packwarden_host import output

Row = tuple[str, str, str, str]
# Ratios and sizes that the design asks for; what has none is only told.
BYTECODE_RATIO = 15
FLOAT_RATIO = 30
C_RATIO = 12
BUS_RATIO = 1.15
BOARD_STEP_us = 500
CODE_bytes = 60 * 1024
STATE_bytes = 20 * 1024
NOT_MEASURED = "-"


def show(result: dict, port: str | None) -> None:
    """Print the table of what was measured here, or on the board of a port."""
    title = f"{result['batteries']} batteries"
    if port is not None:
        title += f", {result['runs']} on {port}"
        if result["cpu_hz"]:
            title += f", {result['cpu_hz'] // 1_000_000} MHz"
    rows = _step(result, port) + _memory(result, port)
    if port is None:
        rows += _bus(result) + _growth(result) + _simulation(result)
    if result.get("did_not_fit"):
        rows.append(("memory", NOT_MEASURED, "", "too small for what was not measured"))
    output.table(title, ("what", "measured", "target", "how"), rows)


def _step(result: dict, port: str | None) -> list[Row]:
    slots = f"{result['slots']} slots, viper" if "slots" in result else ""
    quiet = f"<= {BOARD_STEP_us} us at 240 MHz" if port else ""
    rows = [
        _row("quiet step", _us(result["step_us"]), quiet, slots),
        _row("worst step", _us(result["worst_step_us"]), "", "every element changes at once"),
        _row("quiet step, bytecode", _us(result["step_us_bytecode"]), "", "the same source"),
        _ratio(
            result, "bytecode over viper", "step_us_bytecode", "step_us", f">= {BYTECODE_RATIO}"
        ),
        _row("quiet step, floats", _us(result["step_us_float"]), "", "the same work as objects"),
        _ratio(result, "floats over viper", "step_us_float", "step_us", f">= {FLOAT_RATIO}"),
        _row("kernels", _us(result["kernel_us"]), "", "measure and compare one frame"),
    ]
    if port is None:
        rows += [
            _row("kernels in C", _us(result["kernel_us_c"]), "", "gcc -O2, on this machine"),
            _ratio(result, "kernels over C", "kernel_us", "kernel_us_c", f"<= {C_RATIO}"),
        ]
    locked = "heap locked: more would raise"
    return [*rows, _row("allocated by a step", _bytes(result["alloc_bytes"]), "0", locked)]


def _memory(result: dict, port: str | None) -> list[Row]:
    code, state = f"<= {CODE_bytes} bytes", f"<= {STATE_bytes} bytes"
    if port is not None:
        return [
            _row("heap, code", _bytes(result["heap_code_bytes"]), code, "the firmware, compiled"),
            _row("heap, state", _bytes(result["heap_state_bytes"]), state, "after boot"),
            _row("heap, in use after boot", _bytes(result["heap_used_bytes"]), "", ""),
            _row("heap, free", _bytes(result["heap_free_bytes"]), "", ""),
        ]
    small = "measured in the 32-bit VM; kernels as bytecode"
    return [
        _row("heap, code", _bytes(result["heap_code_bytes"]), "", "64-bit VM, compiled"),
        _row("heap, state", _bytes(result["heap_state_bytes"]), "", "64-bit VM, after boot"),
        _row("heap, in use after boot", _bytes(result["heap_used_bytes"]), "", "64-bit VM"),
        _row("heap, free", _bytes(result["heap_free_bytes"]), "", "64-bit VM, of 1 MB"),
        _row("heap on 32 bits, code", _bytes(result["heap_code_bytes_32"]), code, small),
        _row("heap on 32 bits, state", _bytes(result["heap_state_bytes_32"]), state, small),
    ]


def _bus(result: dict) -> list[Row]:
    minimum = _bytes(result["bus_bytes_minimum"])
    return [
        _row("bus", _bytes(result["bus_bytes_per_tick"]), "", "a tick, simulated chips"),
        _row("bus, the least", minimum, "", "a tick, what the design itself requires"),
        _ratio(
            result,
            "bus over its least",
            "bus_bytes_per_tick",
            "bus_bytes_minimum",
            f"<= {BUS_RATIO}",
        ),
    ]


def _growth(result: dict) -> list[Row]:
    sizes = result["step_us_by_batteries"]
    line = f"a line through {min(sizes)} .. {max(sizes)} batteries"
    return [
        _row("quiet step, per battery", _us(result["us_per_battery"]), "", line),
        _row("quiet step, fixed", _us(result["us_fixed"]), "", line),
        _row("quiet step, largest residual", _us(result["us_residual"]), "", line),
    ]


def _simulation(result: dict) -> list[Row]:
    late = result["late_ticks"]
    rows = [_row("late ticks", None if late is None else str(late), "0", "simulated time")]
    for ratios in (result[key] for key in sorted(result) if key.startswith("sim_ratios_")):
        rows += [
            _row(f"simulation, {name}", f"{ratio:.1f} x", "", "simulated over real time")
            for name, ratio in ratios.items()
        ]
    return rows


def _row(what: str, measured: str | None, target: str, how: str) -> Row:
    return what, measured or NOT_MEASURED, target, how if measured else "not measured"


def _us(value: float | None) -> str | None:
    return None if value is None else f"{value:.1f} us"


def _bytes(value: float | None) -> str | None:
    return None if value is None else f"{value} bytes"


def _ratio(result: dict, what: str, above: str, below: str, target: str) -> Row:
    known = result[above] is not None and result[below]
    ratio = f"{result[above] / result[below]:.3g} x" if known else None
    return _row(what, ratio, target, "of this run")
