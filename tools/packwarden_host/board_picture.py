"""The wiring of a board as a picture (SVG): every chip, every pin that carries something.

Three columns: what is measured, the controller, what is switched and the contacts. A net runs from
its pin of the controller to the box it belongs to, each in a lane of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from xml.sax.saxutils import escape

from packwarden_host import board_tables, board_uses
from packwarden_host.board_chips import CHIPS
from packwarden_host.board_uses import BUS, RELAY, PinUse

_ROW = 15  # height of a row
_HEAD = 22
_GAP = 26  # between boxes
_TOP = 64
_LANE = 7  # at most
# Columns: left edge and width of their boxes.
_LEFT, _LEFT_WIDTH = 20, 250
_MIDDLE, _MIDDLE_WIDTH = 365, 260
_RIGHT, _RIGHT_WIDTH = 710, 270
_WIDTH = 1000

_STYLE = """
text { font: 11px sans-serif; fill: #1b1f24 }
.title { font: bold 16px sans-serif }
.head { font: bold 12px sans-serif }
.pin { font-family: monospace }
.box { fill: #fff; stroke: #57606a }
.bar { fill: #eaeef2; stroke: #57606a }
.net { fill: none; stroke-width: 1.4 }
"""
# A net's colour by what it carries.
_COLOURS = {
    "monitors": "#0969da",
    "expanders": "#8250df",
    "mux": "#1a7f37",
    "relay": "#cf222e",
    "": "#57606a",
}


@dataclass
class Box:
    """One chip or group: a heading, and rows of (pin, what)."""

    title: str
    rows: Sequence[tuple[str, str]]
    nets: str = ""  # beginning of what the controller's pins to it are called
    x: int = 0
    y: int = 0
    width: int = 0

    @property
    def height(self) -> int:
        """In px."""
        return _HEAD + _ROW * len(self.rows) + 6

    def row_y(self, place: int) -> int:
        """The middle of a row."""
        return self.y + _HEAD + _ROW * place + _ROW // 2


@dataclass
class _Drawing:
    parts: list[str] = field(default_factory=list)

    def text(self, x: int, y: int, words: str, kind: str = "", anchor: str = "start") -> None:
        kind = f' class="{kind}"' if kind else ""
        end = f' text-anchor="{anchor}"' if anchor != "start" else ""
        self.parts.append(f'<text x="{x}" y="{y}"{kind}{end}>{escape(words)}</text>')

    def box(self, box: Box) -> None:
        size = f'x="{box.x}" y="{box.y}" width="{box.width}"'
        self.parts.append(f'<rect class="box" {size} height="{box.height}"/>')
        self.parts.append(f'<rect class="bar" {size} height="{_HEAD}"/>')
        self.text(box.x + 8, box.y + 15, box.title, "head")
        for place, (pin, what) in enumerate(box.rows):
            y = box.row_y(place) + 4
            self.text(box.x + 8, y, pin, "pin")
            self.text(box.x + 62, y, what)

    def net(self, points: Sequence[tuple[int, int]], colour: str) -> None:
        path = " ".join(f"{x},{y}" for x, y in points)
        self.parts.append(f'<polyline class="net" stroke="{colour}" points="{path}"/>')


def svg(board: ModuleType) -> str:
    """Return the picture of a board."""
    pins = board_uses.pins(board)
    left = list(_left(board))
    right = list(_right(board, pins))
    to_left = [use for use in pins if any(_belongs(use, box) for box in left)]
    uses = [*to_left, *(use for use in pins if use not in to_left)]
    controller = Box(CHIPS[board.CHIP].title, [(f"GPIO{u.pin}", u.what) for u in uses])
    middle = [controller, *_leads(board)]
    columns = (
        (left, _LEFT, _LEFT_WIDTH),
        (middle, _MIDDLE, _MIDDLE_WIDTH),
        (right, _RIGHT, _RIGHT_WIDTH),
    )
    low = max(_stack(*column) for column in columns)
    drawing = _Drawing()
    drawing.text(_LEFT, 30, f"{board.NAME}: wiring, pin by pin", "title")
    drawing.text(_LEFT, 48, f"{' or '.join(board.MODULES)}; up to {board.MAX_BATTERIES} batteries")
    _route(drawing, controller, uses, left, leftwards=True)
    _route(drawing, controller, uses, right, leftwards=False)
    for box in (*left, *middle, *right):
        drawing.box(box)
    body = "\n".join(drawing.parts)
    size = f'width="{_WIDTH}" height="{low}" viewBox="0 0 {_WIDTH} {low}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n<style>{_STYLE}</style>'
    return f'{head}\n<rect width="{_WIDTH}" height="{low}" fill="#fff"/>\n{body}\n</svg>\n'


def _left(board: ModuleType) -> Iterator[Box]:
    """What is measured."""
    monitors = [use for use in board_uses.chips(board) if use.part == "monitor"]
    rows = [(f"0x{use.address:02X}", _strapped(use)) for use in monitors]
    yield Box(f"INA228 each, on I2C {monitors[0].bus}", rows, "monitors")
    for mux in range(len(board.MUX_ADC)):
        found = sorted((p.at[1], p.what) for p in board_uses.thermistors(board) if p.at[0] == mux)
        rows = [(f"in {place}", what) for place, what in found]
        yield Box(f"multiplexer {mux}", rows, f"mux {mux}")
    for number, address in enumerate(board.CONVERTERS):
        wired = [p for p in board_uses.thermistors(board) if p.at[0] == number]
        rows = sorted((f"AIN{p.at[1]}", p.what) for p in wired)
        straps = board_tables.address_pins("converter", address)
        yield Box(f"ADS1115 0x{address:02X} ({straps})", rows, "expanders S")
    divider = f"through a divider of 1:{board.SUPPLY_DIVIDER}"
    yield Box("supply of the trip coils", [("+24 V", divider)], "coil supply")


def _leads(board: ModuleType) -> Iterator[Box]:
    """What is the same at every battery."""
    yield Box(
        "each INA228, every lead fused",
        [
            ("IN+", "shunt, battery side; 10 ohm"),
            ("IN-", "shunt, breaker side; 10 ohm"),
            ("VBUS", "battery terminal +; 100 ohm"),
            ("ALERT", "all together, 10 kOhm to 3.3 V"),
        ],
    )
    yield Box(
        "each thermistor",
        [
            ("lead", f"pull-up to {board.EXCITATION_MV / 1000:g} V, filter, diode"),
            ("lead", "0 V"),
        ],
    )
    yield Box("each contact", [("dry", "24 V, 4.7 kOhm, optocoupler")])
    yield Box("each relay", [("N-MOS", "gate: 100 ohm, 4.7 kOhm to off")])


def _strapped(use: board_uses.ChipUse) -> str:
    straps = board_tables.address_pins(use.part, use.address)
    return f"{use.what} ({straps})"


def _right(board: ModuleType, pins: Sequence[PinUse]) -> Iterator[Box]:
    """What is switched, and the contacts."""
    relays = [(f"GPIO{use.pin}", _relay(use)) for use in pins if use.how == RELAY]
    yield Box("relays on pins", relays, "relay")
    yield Box("external trip", [("dry", "closed: the pin is low")], "external trip")
    if board.RELAY_EXPANDER is not None:
        found = sorted((place.at[1], place.what) for place in board_uses.relays(board))
        rows = [(board_tables.expander_pin(bit), f"relay of {what}") for bit, what in found]
        yield Box(f"MCP23017 0x{board.RELAY_EXPANDER:02X}", rows, "expanders S")
    for place, address in enumerate(board.INPUT_EXPANDERS):
        wired = [one for one in board_uses.contacts(board) if one.at[0] == place]
        found = sorted((one.at[1], one.what) for one in wired)
        rows = [(board_tables.expander_pin(bit), what) for bit, what in found]
        yield Box(f"MCP23017 0x{address:02X}", rows, "expanders S")


def _relay(use: PinUse) -> str:
    return f"{use.what}{' (low energises)' if use.active_low else ''}"


def _belongs(use: PinUse, box: Box) -> bool:
    if box.nets == "relay":
        return use.how == RELAY
    if box.nets and use.what.startswith("mux select"):
        return box.nets.startswith("mux")
    return bool(box.nets) and use.what.startswith(box.nets)


def _stack(boxes: Sequence[Box], x: int, width: int) -> int:
    """Place boxes below each other; return where the last one ends."""
    y = _TOP
    for box in boxes:
        box.x, box.y, box.width = x, y, width
        y += box.height + _GAP
    return y


def _route(
    drawing: _Drawing,
    controller: Box,
    uses: Sequence[PinUse],
    boxes: Sequence[Box],
    leftwards: bool,
) -> None:
    """Draw the nets between the controller and a column of boxes."""
    start = controller.x if leftwards else controller.x + controller.width
    end = boxes[0].x + boxes[0].width if leftwards else boxes[0].x
    led = sum(any(_belongs(use, box) for box in boxes) for use in uses)
    space = min(_LANE, (abs(end - start) - 8) // (led + 1))
    step = -space if leftwards else space
    lane = start + step
    for place, use in enumerate(uses):
        targets = [box for box in boxes if _belongs(use, box)]
        if not targets:
            continue
        colour = next(c for name, c in _COLOURS.items() if _kind(use).startswith(name))
        y = controller.row_y(place)
        for box in targets:
            at = _entry(use, uses, box)
            drawing.net([(start, y), (lane, y), (lane, at), (end, at)], colour)
        lane += step


def _kind(use: PinUse) -> str:
    return "relay" if use.how == RELAY else use.what


def _entry(use: PinUse, uses: Sequence[PinUse], box: Box) -> int:
    """Where a net enters a box: relays at their row, others below each other at its heading."""
    mine = [one for one in uses if _belongs(one, box)]
    if box.nets == "relay":
        return box.row_y(mine.index(use))
    return box.y + 6 + (3 if use.how == BUS else 2) * mine.index(use)
