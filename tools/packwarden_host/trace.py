"""Reads a replay trace: CSV with one column per measured quantity, sample and hold between rows.

Every cell is checked here, so that a bad file is refused with file, line, column and reason. What
a cell means to the chips is the business of `codes`.
"""

import csv
import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packwarden_host.errors import BadInput

MAX_BATTERIES = 15
# Longer runs are split: a year at the slowest tick already takes hours to simulate.
LONGEST_S = 366 * 86_400
# A line beyond this is no trace (the widest legal row is about 1 KB).
LONGEST_LINE = 65_536

# A cell as read: a number, a word that the column admits, or None for "healthy and quiet".
Cell = float | str | None

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_COLUMN = re.compile(r"(i|v|tp|tn|cb|bms)([1-9][0-9]?)(_A|_V|_C|)")
_SUFFIX = {"i": "_A", "v": "_V", "tp": "_C", "tn": "_C", "cb": "", "bms": ""}
_MONITOR_WORDS = ("absent", "frozen")
_THERMISTOR_WORDS = ("open", "short")
_KNOWN = "t_s i<k>_A v<k>_V vbus_V tp<k>_C tn<k>_C tamb_C cb<k> bms<k>"
ABSOLUTE_ZERO_C = -273.15


@dataclass(frozen=True)
class Row:
    """One row: its line in the file, its time in ms, and its cells in the order of the header."""

    line: int
    t_ms: int
    cells: list[Cell]


class Trace:
    """An open trace whose header is read; iterating gives the rows, each checked.

    `columns` maps a column name to its place in `Row.cells`. Raises BadInput for anything that the
    contract of the format does not admit.
    """

    def __init__(self, path: Path, batteries: int):
        self.path = path
        self.batteries = batteries
        self._lines = _text_lines(path)
        self._header_line, names = self._read_header()
        self.columns = {name: place for place, name in enumerate(names)}
        self._parsers = [_parser(name) for name in names]

    def __iter__(self) -> Iterator[Row]:
        previous_ms = None
        for line, text in self._lines:
            row = self._row(line, self._split(line, text))
            if previous_ms is None and row.t_ms != 0:
                raise self._cell_error(line, "t_s", "the first row stands at 0 s")
            if previous_ms is not None and row.t_ms < previous_ms:
                reason = f"time runs back, from {previous_ms / 1000:g} s to {row.t_ms / 1000:g} s"
                raise self._cell_error(line, "t_s", reason)
            previous_ms = row.t_ms
            yield row
        if previous_ms is None:
            raise BadInput(f"{self.path}: line {self._header_line}: no rows below the header")

    def _read_header(self) -> tuple[int, list[str]]:
        for line, text in self._lines:
            names = [name.strip() for name in self._split(line, text)]
            self._check_header(line, names)
            return line, names
        raise BadInput(f"{self.path}: line 1: the file is empty, a header row is needed")

    def _check_header(self, line: int, names: list[str]) -> None:
        if _NUMBER.fullmatch(names[0]):
            raise BadInput(
                f"{self.path}: line {line}: no header row, the first row names the columns"
                " (t_s, i1_A, v1_V, ...)"
            )
        for place, name in enumerate(names):
            where = f"{self.path}: line {line}, column {place + 1} ({_shown(name)})"
            reason = _name_error(name, self.batteries)
            if reason is None and name in names[:place]:
                reason = f"the column appears twice, first as column {names.index(name) + 1}"
            if reason is not None:
                raise BadInput(f"{where}: {reason}")
        if "t_s" not in names:
            raise BadInput(
                f"{self.path}: line {line}: the column t_s (time in seconds) is missing"
            )

    def _split(self, line: int, text: str) -> list[str]:
        if '"' not in text:
            return text.split(",")
        try:
            return next(csv.reader([text], strict=True))
        except csv.Error as error:
            raise BadInput(f"{self.path}: line {line}: {error}") from error

    def _row(self, line: int, texts: list[str]) -> Row:
        if len(texts) != len(self._parsers):
            raise BadInput(
                f"{self.path}: line {line}, column {min(len(texts), len(self._parsers)) + 1}:"
                f" the row has {len(texts)} cells, the header names {len(self._parsers)} columns"
            )
        cells: list[Cell] = []
        for parse, text in zip(self._parsers, texts, strict=True):
            try:
                cells.append(parse(text))
            except ValueError as error:
                name = list(self.columns)[len(cells)]
                raise self._cell_error(line, name, str(error)) from error
        seconds = cells[self.columns["t_s"]]
        assert isinstance(seconds, float)
        return Row(line, round(seconds * 1000), cells)

    def _cell_error(self, line: int, name: str, reason: str) -> BadInput:
        place = self.columns[name] + 1
        return BadInput(f"{self.path}: line {line}, column {place} ({name}): {reason}")


def _text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines of a UTF-8 file without comments, empty lines and byte order mark."""
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
            number = 0
            while text := file.readline(LONGEST_LINE):
                number += 1
                _check_text(path, number, text)
                text = text.strip()
                if text and not text.startswith("#"):
                    yield number, text
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}") from error


def _check_text(path: Path, number: int, text: str) -> None:
    if len(text) >= LONGEST_LINE:
        raise BadInput(
            f"{path}: line {number}: longer than {LONGEST_LINE} characters, not a trace"
        )
    if "\0" in text or not (text.isascii() or _is_utf8(text)):
        raise BadInput(f"{path}: line {number}: not UTF-8 text (is it a binary file?)")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(text: str) -> str:
    """A cell as it may stand in an error line: one line, printable, not too long."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _name_error(name: str, batteries: int) -> str | None:
    """Why a name cannot stand in the header, or None if it can."""
    if name in ("t_s", "vbus_V", "tamb_C"):
        return None
    if not name:
        return "a column without a name"
    match = _COLUMN.fullmatch(name)
    if match is None or match[3] != _SUFFIX[match[1]] or int(match[2]) > MAX_BATTERIES:
        known = ["t_s", "vbus_V", "tamb_C"]
        known += [f"{kind}{k}{_SUFFIX[kind]}" for k in range(1, batteries + 1) for kind in _SUFFIX]
        near = difflib.get_close_matches(name[:20], known, 1)
        meant = f", is {near[0]} meant?" if near else ""
        return f"unknown column{meant} (known: {_KNOWN})"
    if int(match[2]) > batteries:
        return f"names battery {match[2]}, the configured bank has {batteries}"
    return None


def _parser(name: str) -> Callable[[str], Cell]:
    """The parser of a column; cells repeat a lot, so each remembers what it has seen."""
    known: dict[str, Cell] = {}

    def parse(text: str) -> Cell:
        if text not in known:
            if len(known) > 100_000:
                known.clear()
            known[text] = _cell(name, text.strip())
        return known[text]

    return parse


def _cell(name: str, text: str) -> Cell:
    """A cell of the named column; ValueError says what it has to be."""
    if not text and name != "t_s":
        return None
    words = _MONITOR_WORDS if name[0] in "iv" else _THERMISTOR_WORDS if name[-2:] == "_C" else ()
    if text in words:
        return text
    if not _NUMBER.fullmatch(text):
        also = "".join(f" or '{word}'" for word in words)
        raise ValueError(f"{_shown(text)} is not a finite number{also}")
    value = float(text)
    reason = _range_error(name, value)
    if reason:
        raise ValueError(f"{_shown(text)} {reason}")
    return value


def _range_error(name: str, value: float) -> str | None:
    if abs(value) > 1e12:
        return "is too large, at most 1e12"
    if name == "t_s" and not 0 <= value <= LONGEST_S:
        return f"is outside 0..{LONGEST_S} s"
    if name[-2:] == "_C" and value <= ABSOLUTE_ZERO_C:
        return f"is below absolute zero ({ABSOLUTE_ZERO_C} degC)"
    if name[:2] in ("cb", "bm") and value not in (0.0, 1.0):
        return "is neither 0 nor 1"
    return None
