"""The readable form of an event: every part that is there, nothing for what is not."""

import json

import pytest

from packwarden_host.output import event_text

_EVENT = {
    "t_ms": 0,
    "seq": 0,
    "kind": "info",
    "level": None,
    "element": "boot",
    "device": None,
    "battery": None,
    "terminal": None,
    "value": None,
    "limit": None,
    "unit": None,
    "held_ms": None,
    "action": "none",
}


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({}, "       0.000 s  INFO         boot"),
        (
            {
                "t_ms": 3_600_010,
                "kind": "clear",
                "level": "warn",
                "element": "terminal_rise",
                "device": "26",
                "battery": 12,
                "terminal": "-",
                "value": "3.95",
                "limit": "4.00",
                "unit": "K",
                "held_ms": 0,
            },
            "    3600.010 s  CLEAR warn   terminal_rise (26)  BAT12 TERM-  3.95 K < 4.00",
        ),
        (
            {"kind": "command", "element": "ambient_high", "device": "49", "action": "fan"},
            "       0.000 s  COMMAND      ambient_high (49): fan",
        ),
        (
            {
                "kind": "alarm",
                "level": "alarm",
                "element": "sensor_fault",
                "battery": 2,
                "held_ms": 1500,
                "action": "alarm",
            },
            "       0.000 s  ALARM        sensor_fault  BAT02  for 1.5 s: alarm",
        ),
    ],
)
def test_an_event_is_one_readable_line(event, text):
    assert event_text(_EVENT | event) == text


def test_decimals_stay_as_the_firmware_wrote_them():
    decoded = json.loads(
        json.dumps(_EVENT | {"unit": "A"}).replace('"value": null', '"value": 5.00'),
        parse_float=str,
    )
    assert event_text(decoded).endswith("5.00 A")
