"""A capture of a trip in a file (.pwc), as a cabinet has kept it: read, checked, run once more."""

import binascii
import json
import struct
from dataclasses import dataclass
from pathlib import Path

from packwarden import config_text, migration, settings
from packwarden.capture_files import HEAD_SIZE, TAIL_SIZE, Head, is_head
from packwarden.captures import BEFORE, FIRST_SEQ, TICKS, TRIP_TICK
from packwarden_host import bank_file, sources
from packwarden_host.errors import BadInput, RunFailed
from packwarden_host.targets import Target

SUFFIX = ".pwc"
_LARGEST_BYTES = 1_000_000


@dataclass(frozen=True)
class Capture:
    """What a file holds. `config`: the bank's configuration; `log`: see `packwarden.captures`."""

    head: Head
    config: dict
    log: bytes


@dataclass
class Rerun:
    """What came of a capture, run once more.

    `events`: (tick, event line); `values`: those of each tick, where asked for, see `rerun.values`
    in tools/packwarden_target; `trip_tick`, `record`: of the first trip, 0 and empty without one;
    `same` of the `states` that the capture holds besides the first one came out the same.
    """

    events: list[tuple[int, str]]
    values: list[list]
    trip_tick: int
    record: bytes
    states: int
    same: int


def read(path: Path, config: Path | None = None) -> Capture:
    """Read and check a capture; BadInput says what is wrong with the file.

    `config`: the configuration's file, for a capture that has none in it.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_BYTES)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}") from error
    return parse(path, data, config)


def parse(path: object, data: bytes, config: Path | None = None) -> Capture:
    """The same from the bytes of the file; `path` is for complaints."""
    head = check(path, data)
    text = data[HEAD_SIZE : HEAD_SIZE + head.config_size]
    log = data[HEAD_SIZE + head.config_size : -TAIL_SIZE]
    return Capture(head, _config(path, text, config), log)


def check(path: object, data: bytes) -> Head:
    """The head of a capture that is whole; else BadInput says what is wrong with it."""
    if not is_head(data[:HEAD_SIZE]):
        raise BadInput(f"{path}: is no capture: it does not begin with the head of one")
    head = Head(data[:HEAD_SIZE])
    if len(data) != head.size:
        raise BadInput(f"{path}: has {len(data)} bytes of {head.size}: it is not whole")
    (checksum,) = struct.unpack("<I", data[-TAIL_SIZE:])
    if checksum != binascii.crc32(data[:-TAIL_SIZE]):
        raise BadInput(f"{path}: is damaged: its checksum is not that of its content")
    return head


def _config(path: object, text: bytes, other: Path | None) -> dict:
    if not text and other is None:
        raise BadInput(f"{path}: holds no configuration, for another one waited: give --config")
    if text:
        if other is not None:
            raise BadInput(f"--config is not for {path}: it holds the configuration")
        found: dict = {}
        try:
            for _ in config_text.read([text], found):
                pass
        except ValueError as error:
            raise BadInput(f"{path}: its configuration: {error}") from error
        migration.migrate(found)
        errors = settings.errors(found)
        if errors:
            raise BadInput(bank_file.one_line(path, errors))
        return found
    assert other is not None
    return bank_file.read(other)


def rerun(path: object, capture: Capture, target: Target, values: bool = False) -> Rerun:
    """Run the step on a capture, on a target. BadInput where it is of another version."""
    head = capture.head
    job = {"shape": head.shape, "seq": head.facts[FIRST_SEQ], "values": values}
    files = {
        **sources.library(),
        **sources.scripts(),
        "config.json": json.dumps(capture.config),
        "job.json": json.dumps(job),
        "log.bin": capture.log,
    }
    try:
        printed = target.run("import rerun\nrerun.main()\n", files)
    except RunFailed as error:
        if "of another shape" not in str(error):
            raise
        version = f"Packwarden {head.version}"
        raise BadInput(f"{path}: is of {version}, whose step has another memory") from error
    found = Rerun([], [], 0, b"", 0, 0)
    for line in printed.splitlines():
        letter, _, rest = line.partition(" ")
        if letter == "V":
            found.values.append(json.loads(rest))
            continue
        first, _, rest = rest.partition(" ")
        if letter == "E":
            found.events.append((int(first), rest))
        elif letter == "T":
            found.trip_tick, found.record = int(first), bytes.fromhex(rest)
        elif letter == "S":
            found.states, found.same = int(first), int(rest)
    return found


def difference(capture: Capture, found: Rerun) -> str:
    """In words how a rerun differs from what was captured; empty: it does not."""
    head = capture.head
    tick = head.facts[TRIP_TICK]
    if not found.trip_tick:
        return f"nothing tripped in {head.facts[TICKS]} ticks, the cabinet tripped in tick {tick}"
    if found.trip_tick != tick:
        return f"tripped in tick {found.trip_tick}, the cabinet in tick {tick}"
    if any(head.record) and found.record != head.record:
        return "tripped otherwise than the cabinet: its record is another one"
    if found.same != found.states:
        return f"{found.states - found.same} of {found.states} states differ"
    return ""


def verdict(capture: Capture, found: Rerun) -> str:
    """In words that a rerun came to the same."""
    facts = capture.head.facts
    states = f", and {found.states} later states are the same" if found.states else ""
    return (
        f"tripped in tick {found.trip_tick} of {facts[TICKS]}, {facts[BEFORE] / 1000:.3f} s after"
        f" the capture begins, as in the cabinet{states}"
    )
