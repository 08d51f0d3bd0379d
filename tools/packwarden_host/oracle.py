"""The kernels' reference in C (host_tests/oracle): compiled where gcc exists, called by ctypes.

The tests compare the kernels with it, and `packwarden bench` takes its time for the limit of
speed.
"""

import ctypes
import shutil
import subprocess
import tempfile
from array import array
from pathlib import Path

from packwarden.chips.ina2xx import CHIPS
from packwarden_host import REPOSITORY

SOURCES = REPOSITORY / "host_tests" / "oracle"
_BATCHES = 50
_MILLI = 10**9  # pV to mV; and pV over nOhm is mA
_int = ctypes.c_int32
_ints = ctypes.POINTER(ctypes.c_int32)


class Bank(ctypes.Structure):
    """`struct bank` of oracle.h; keeps the arrays that it points to."""

    _fields_ = [
        ("batteries", _int),
        ("supply", _int),
        ("main_shunt", _int),
        ("gain", _int),
        ("quantities", _int),
        ("rows", _int),
        ("current", ctypes.c_int64 * 2),
        ("voltage", ctypes.c_int64 * 2),
        ("main", ctypes.c_int64 * 2),
        ("table", _ints),
        ("corrections", _ints),
        ("row", _ints),
    ]


def bank(
    monitor: str, shunt_uohm: int, main_shunt_uohm: int, *, table, corrections, row, **facts
) -> Bank:
    """Make a Bank. `monitor`: a key of CHIPS; `main_shunt_uohm` 0: none is wired.

    `table`, `corrections`, `row`: arrays of 32-bit integers, as `thermistor.Bridge`,
    `measure.Measurement` and `compare.Slots` hold them; `facts`: batteries, supply (1: wired),
    gain, quantities, rows.
    """
    chip = CHIPS[monitor]
    made = Bank(main_shunt=int(main_shunt_uohm > 0), **facts)
    made.current[:] = chip["shunt_lsb_pV"], 1000 * shunt_uohm
    made.main[:] = chip["shunt_lsb_pV"], 1000 * (main_shunt_uohm or shunt_uohm)
    made.voltage[:] = chip["bus_lsb_pV"], _MILLI
    made.table = pointer(table)
    made.corrections = pointer(corrections)
    made.row = pointer(row)
    return made


def pointer(numbers):
    """Return a pointer to an array of 32-bit integers (array or numpy), which it keeps alive."""
    return ctypes.cast((_int * len(numbers)).from_buffer(numbers), _ints)


def compiler() -> str | None:
    """The C compiler, None where there is none."""
    return shutil.which("gcc")


def load(folder: Path, sources: Path = SOURCES) -> ctypes.CDLL:
    """Compile the reference into `folder` and load it. Raises CalledProcessError, OSError."""
    library = folder / "oracle.so"
    flags = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-shared", "-fPIC"]
    subprocess.run(
        [compiler() or "gcc", *flags, "-o", library, *sorted(sources.glob("*.c"))], check=True
    )
    found = ctypes.CDLL(str(library))
    found.ratio.argtypes = [ctypes.c_int64, ctypes.c_int64]
    found.ratio.restype = ctypes.c_int64
    found.scale.argtypes = [_ints, _ints, _int, _int, ctypes.c_int64, _ints, _ints]
    found.scale.restype = None
    found.temperatures.argtypes = [_ints, _ints, _int, _int, _int, _int, _ints, _ints]
    found.temperatures.restype = None
    found.replay.argtypes = [ctypes.POINTER(Bank), _int, _ints, _ints]
    found.frame_us.argtypes = [ctypes.POINTER(Bank), _ints, _int]
    found.frame_us.restype = ctypes.c_double
    return found


def kernel_us_c(quiet: dict) -> float | None:
    """Microseconds that the reference takes for a quiet frame, None where there is no gcc.

    `quiet`: what tools/packwarden_target/kernels.py prints as "quiet": the bank and one frame.
    """
    if compiler() is None:
        return None
    given = dict(quiet)
    frame = array("i", given.pop("frame"))
    for name in ("table", "corrections", "row"):
        given[name] = array("i", given[name])
    with tempfile.TemporaryDirectory(prefix="packwarden-") as folder:
        return load(Path(folder)).frame_us(bank(**given), pointer(frame), _BATCHES)
