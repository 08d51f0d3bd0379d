"""Wiring tables, parts, safe states and picture of every board: right, and as its README shows."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from packwarden_host import REPOSITORY, board_picture, board_tables, board_uses, boards, cli

NAMES = boards.names()


def rows(name, table):
    return list(board_tables.TABLES[table].rows(boards.load(name)))


# Rows as they were wired by hand, before a program wrote them.
WIRED = {
    ("cabinet15", "pins"): [
        ("GPIO22", "monitors SCL"),
        ("GPIO18", "expanders SDA"),
        ("GPIO14", "mux select S2", "sends a burst of pulses at power-up, which harms no"),
        ("GPIO35", "mux 1 to ADC", "converter 1 (ADC1), which works while WiFi runs; input only"),
        ("GPIO39", "monitors ALERT", "input only", "high by 10 kOhm, low while a monitor says so"),
        ("GPIO23", "main trip", "no function", "low by 4.7 kOhm, relay off: no trip"),
        ("GPIO27", "alarm", "no function", "low by 4.7 kOhm, relay off: alarm"),
    ],
    ("cabinet15", "chips"): [
        ("I2C 0", "0x40", "INA228", "battery 1", "A1 GND, A0 GND"),
        ("I2C 0", "0x49", "INA228", "battery 10", "A1 SDA, A0 VS"),
        ("I2C 0", "0x4E", "INA228", "battery 15", "A1 SCL, A0 SDA"),
        ("I2C 0", "0x4F", "INA228", "busbar", "A1 SCL, A0 SCL"),
        ("I2C 1", "0x20", "MCP23017", "relays", "A2 GND, A1 GND, A0 GND"),
        ("I2C 1", "0x21", "MCP23017", "52a of batteries 1 to 14", "A2 GND, A1 GND, A0 3.3 V"),
        (
            "I2C 1",
            "0x23",
            "MCP23017",
            "52a of battery 15 and the main breaker; 52b of battery 15 and the main breaker;"
            " BMS contact of battery 15; trip-circuit supervision",
        ),
    ],
    ("cabinet15", "batteries"): [
        (
            "battery 1",
            "0x40",
            "0x20 GPA0",
            "0x21 GPA0",
            "0x24 GPA0",
            "0x22 GPA0",
            "mux 0 input 0",
            "mux 1 input 0",
        ),
        (
            "battery 8",
            "0x47",
            "0x20 GPA7",
            "0x21 GPB0",
            "0x24 GPB0",
            "0x22 GPB0",
            "mux 0 input 7",
            "mux 1 input 7",
        ),
        (
            "battery 15",
            "0x4E",
            "0x20 GPB6",
            "0x23 GPA0",
            "0x23 GPA2",
            "0x23 GPB0",
            "mux 0 input 14",
            "mux 1 input 14",
        ),
        ("main breaker", "-", "GPIO23", "0x23 GPA1", "0x23 GPA3", "-", "-", "-"),
        ("fan", "-", "0x20 GPB7"),
        ("ambient", "-", "-", "-", "-", "-", "mux 1 input 15", "-"),
        ("reference resistor", "-", "-", "-", "-", "-", "mux 0 input 15", "-"),
    ],
    ("cabinet15", "states"): [
        ("battery, shunt trip", "off: no trip", "as it was for up to 8 s, then off"),
        ("main, shunt trip", "off: no trip", "off: no trip", "off: no trip", "off: no trip"),
        ("main, undervoltage release or contactor", "off: the breaker cannot", "held by its"),
        ("alarm", "off: alarm", "off: alarm", "off: alarm", "off: alarm"),
    ],
    ("cabinet15", "parts"): [
        ("INA228AIDGSR", "85 V, 16 addresses", "1 per battery + 1", "16"),
        ("resistor 4.7 kOhm 0.1 %", "25 ppm/K", "2 per battery + 3", "33"),
        ("fuse, thermistor lead", "125 mA fast", "4 per battery", "60"),
        ("MCP23017", "3.3 V", "5; one less without 52b", "5"),
        ("relay", "24 V DC coil", "1 per battery + 5", "20"),
        ("optocoupler", "50 %", "2 per battery + 3; 1 per battery + 1 more with 52b", "33"),
    ],
    ("cabinet4", "chips"): [
        ("I2C 1", "0x20", "MCP23017", "52a of batteries 1 to 4 and the main breaker; BMS contact"),
        ("I2C 1", "0x48", "ADS1115", "terminal + of batteries 1 to 4", "ADDR GND"),
        ("I2C 1", "0x4A", "ADS1115", "reference resistor; ambient", "ADDR SDA"),
    ],
    ("cabinet4", "batteries"): [
        ("battery 3", "0x42", "GPIO4", "0x20 GPA2", "-", "0x20 GPB2", "0x48 AIN2", "0x49 AIN2"),
        ("main breaker", "-", "GPIO23", "0x20 GPA4", "-", "-", "-", "-"),
        ("fan", "-", "GPIO33"),
    ],
    ("cabinet4", "states"): [
        ("battery, shunt trip", "off: no trip", "off: no trip", "off: no trip", "off: no trip"),
        ("battery, undervoltage release or contactor", "off: the breaker", "held by its hold-up"),
        ("fan", "off: stands", "off: stands"),
    ],
    ("cabinet4", "parts"): [
        ("breaker, not polarised", "DC, by battery", "1 per battery", "4"),
        ("main breaker, not polarised", "DC, by the bank's current", "1", "1"),
        ("ADS1115", "3.3 V", "3", "3"),
        ("MCP23017", "3.3 V", "1", "1"),
        ("relay", "24 V DC coil", "1 per battery + 5", "9"),
    ],
    ("cabinet15_s3", "pins"): [
        ("GPIO9", "monitors SCL", "is driven low for 60 us at power-up, which no chip takes"),
        ("GPIO21", "main trip", "no function and no glitch at reset"),
        ("GPIO1", "charge permissive", "is driven low for 60 us at power-up, which is relay off"),
    ],
}


@pytest.mark.parametrize(("name", "table"), WIRED, ids="-".join)
def test_a_table_says_what_was_wired(name, table):
    found = rows(name, table)
    for row in WIRED[name, table]:
        assert any(
            all(cell.startswith(told) for cell, told in zip(line, row, strict=False))
            for line in found
        ), row


@pytest.mark.parametrize("table", board_tables.TABLES)
@pytest.mark.parametrize("name", NAMES)
def test_no_cell_of_a_table_is_empty_or_breaks_it(name, table):
    heads = board_tables.TABLES[table].heads
    found = rows(name, table)
    assert found
    assert all(len(row) == len(heads) and all(row) for row in found)
    assert not any("|" in cell or "\n" in cell for row in found for cell in row)


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_shows_each_table_as_it_is_printed_now(name, capsys):
    text = (REPOSITORY / "boards" / name / "README.md").read_text()
    shown = re.findall(r"^<!-- packwarden ([^\n]*) -->\n(.*?)<!-- end -->$", text, re.M | re.S)
    assert [command for command, _ in shown] == [
        f"board show {name} {table} --markdown" for table in board_tables.TABLES
    ]
    for command, table in shown:
        assert cli.run(command.split()) == 0
        assert capsys.readouterr().out == table, "make docs"


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_shows_the_check_and_the_picture_as_they_are_now(name, capsys):
    folder = REPOSITORY / "boards" / name
    text = (folder / "README.md").read_text()
    assert cli.run(["board", "check", name]) == 0
    checked = f"$ packwarden board check {name}\n{capsys.readouterr().out}"
    assert f"{checked}$ packwarden board picture {name} -o wiring.svg\n" in text
    assert "](wiring.svg)" in text
    drawn = board_picture.svg(boards.load(name))
    assert (folder / "wiring.svg").read_text() == drawn, "make docs"


def drawn_parts(name):
    root = ElementTree.fromstring(board_picture.svg(boards.load(name)))
    tag = "{http://www.w3.org/2000/svg}"
    texts = [(int(t.get("x")), int(t.get("y")), t.text) for t in root.iter(f"{tag}text")]
    boxes = [
        {key: int(box.get(key)) for key in ("x", "y", "width", "height")}
        for box in root.iter(f"{tag}rect")
        if box.get("class") == "box"
    ]
    nets = [
        [tuple(map(int, point.split(","))) for point in net.get("points").split()]
        for net in root.iter(f"{tag}polyline")
    ]
    return texts, boxes, nets


@pytest.mark.parametrize("name", NAMES)
def test_the_picture_names_every_pin_and_leads_a_net_from_it(name):
    board = boards.load(name)
    texts, boxes, nets = drawn_parts(name)
    rows_at = {text: y for x, y, text in reversed(texts)}
    for use in board_uses.pins(board):
        y = rows_at[use.what]
        assert (f"GPIO{use.pin}", y) in [(text, at) for _, at, text in texts]
        led = [net for net in nets if abs(net[0][1] + 4 - y) <= 1]
        assert led or use.how == board_uses.BUTTON, use
    edges = {x for box in boxes for x in (box["x"], box["x"] + box["width"])}
    assert all(net[0][0] in edges and net[-1][0] in edges for net in nets)


@pytest.mark.parametrize("name", NAMES)
def test_the_picture_shows_every_address_contact_and_thermistor(name):
    board = boards.load(name)
    words = "\n".join(text for _, _, text in drawn_parts(name)[0])
    for chip in board_uses.chips(board):
        assert f"0x{chip.address:02X}" in words
    for place in (*board_uses.contacts(board), *board_uses.thermistors(board)):
        assert f"\n{place.what}\n" in f"\n{words}\n"


@pytest.mark.parametrize("name", NAMES)
def test_no_two_nets_of_the_picture_lie_on_each_other_or_on_a_box(name):
    _, boxes, nets = drawn_parts(name)
    for lane in {net[1][0] for net in nets}:
        assert not [box for box in boxes if box["x"] <= lane <= box["x"] + box["width"]]
    lanes = {}
    for net in nets:
        (_, start), (lane, _), _, _ = net
        lanes.setdefault(lane, set()).add(start)
    assert all(len(starts) == 1 for starts in lanes.values())


@pytest.mark.parametrize("name", NAMES)
def test_every_text_of_the_picture_stays_in_its_box(name):
    texts, boxes, _ = drawn_parts(name)
    per_letter = 6.3  # of a sans-serif of 11 px, on the wide side
    for x, y, text in texts[2:]:  # behind the title and its line
        box = next(
            box
            for box in boxes
            if 0 <= x - box["x"] < box["width"] and 0 <= y - box["y"] <= box["height"]
        )
        assert x + per_letter * len(text) <= box["x"] + box["width"], text


@pytest.mark.parametrize("name", NAMES)
def test_all_boxes_lie_within_the_picture(name):
    root = ElementTree.fromstring(board_picture.svg(boards.load(name)))
    _, boxes, _ = drawn_parts(name)
    assert all(box["x"] + box["width"] <= int(root.get("width")) for box in boxes)
    assert all(box["y"] + box["height"] <= int(root.get("height")) for box in boxes)


def test_the_picture_is_written_whole(tmp_path, capsys):
    path = tmp_path / "wiring.svg"
    assert cli.run(["board", "picture", "cabinet15", "-o", str(path)]) == 0
    assert path.read_text() == board_picture.svg(boards.load("cabinet15"))
    assert capsys.readouterr().out == f"{path}: the wiring of cabinet15\n"
    assert cli.run(["board", "picture", "cabinet15", "-o", str(tmp_path / "no" / "x.svg")]) == 2
    assert "No such file or directory" in capsys.readouterr().err


def test_all_tables_are_shown_one_after_another(capsys):
    assert cli.run(["board", "show", "cabinet15"]) == 0
    out = capsys.readouterr().out
    assert all(f"cabinet15: {table.title}\n" in out for table in board_tables.TABLES.values())
