"""The contract of event lines, as a check that every run of the system tests passes.

Typed in from the contract's text, not taken from the library.
"""

import json
import re
from itertools import groupby, pairwise

from packwarden import elements

_DECIMALS = {
    "degC": 2,
    "K": 2,
    "K/min": 2,
    "A": 2,
    "V": 3,
    "mOhm": 3,
    "%": 1,
}
_DEVICES = {
    "terminal_overtemperature": "26",
    "terminal_rise": "26",
    "terminal_rate": "26",
    "overcurrent_inverse": "51",
    "overcurrent_instantaneous": "50",
    "bank_overcurrent": "51",
    "current_imbalance": "60",
    "reverse_current": "32",
    "idle_string": "37",
    "undervoltage": "27",
    "overvoltage": "59",
    "charge_temperature": "26",
    "voltage_mismatch": "25",
    "bms_alarm": "30",
    "external_trip": None,
    "ambient_high": "49",
    "sensor_fault": None,
    "breaker_failure": "50BF",
    "breaker_discrepancy": "52",
    "output_fault": None,
    "trip_circuit": "74TC",
    "control_supply": "27C",
    "cascade": None,
    "controller_fault": None,
    "lockout": "86",
    "joint_heating": "23",
    "link_resistance": None,
    "resistance_mismatch": None,
    "boot": None,
    "operation": None,
}
# Elements with several rows of one level: what looks like a repetition is another row.
_ROWS_ALIKE = (
    "current_imbalance",
    "reverse_current",
    "sensor_fault",
    "breaker_failure",
    "breaker_discrepancy",
    "joint_heating",
)

_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?"
_LINE = re.compile(
    r'\{"t_ms":(?P<t_ms>0|[1-9][0-9]*),"seq":(?P<seq>0|[1-9][0-9]*),'
    r'"kind":"(?P<kind>warn|alarm|trip|clear|command|fault|info)",'
    r'"level":(?P<level>"warn"|"alarm"|"trip"|null),"element":"(?P<element>[a-z_]+)",'
    r'"device":(?P<device>"[0-9A-Z]+"|null),"battery":(?P<battery>[1-9]|1[0-5]|null),'
    r'"terminal":(?P<terminal>"\+"|"-"|null),'
    rf'"value":(?P<value>{_NUMBER}|null),"limit":(?P<limit>{_NUMBER}|null),'
    r'"unit":(?P<unit>"(?:degC|A|V|mOhm|%|K/min|K)"|null),"held_ms":(?P<held>0|[1-9][0-9]*|null),'
    r'"action":"(?P<action>none|fan|alarm|stop_charge|stop_discharge|trip_battery|trip_main|'
    r'trip_all|inhibit_close)"\}'
)
BOOT = (
    '{"t_ms":0,"seq":0,"kind":"info","level":null,"element":"boot","device":null,"battery":null,'
    '"terminal":null,"value":null,"limit":null,"unit":null,"held_ms":null,"action":"none"}'
)
_RANK = {"fault": 0, "clear": 1, "warn": 2, "alarm": 2, "trip": 2, "command": 3}
_SLUGS = [element.slug for element in elements.TABLE]
_LEVELS = (None, "warn", "alarm", "trip")


def check(lines):
    """Hold event lines of one run against the contract."""
    assert set(_SLUGS) <= set(_DEVICES)
    assert lines and lines[0] == BOOT
    for seq, line in enumerate(lines):
        match = _LINE.fullmatch(line)
        assert match, line
        assert int(match["seq"]) == seq, line
        _check_line(match, json.loads(line))
    events = [json.loads(line) for line in lines]
    assert all(a["t_ms"] <= b["t_ms"] for a, b in pairwise(events))
    for _, together in groupby(events[1:], lambda event: event["t_ms"]):
        keys = [_order(event) for event in together]
        assert keys == sorted(keys), keys
    _check_repetitions(events)


def _check_line(match, event):
    line = match[0]
    kind, level = event["kind"], event["level"]
    assert _DEVICES[event["element"]] == event["device"], line
    for name in ("value", "limit"):
        text = match[name]
        if text != "null":
            places = len(text.partition(".")[2])
            assert places == _DECIMALS[event["unit"]], line
    if kind in ("warn", "alarm", "trip"):
        assert level == kind and event["held_ms"] is not None, line
    elif kind == "fault":
        assert (level, event["action"]) == ("alarm", "alarm"), line
    elif kind == "info" or event["action"] in ("fan", "stop_charge", "stop_discharge"):
        assert level is None, line
    if kind in ("clear", "info"):
        assert event["action"] == "none", line
    if kind == "warn":
        assert event["action"] == "none", line
    if event["action"].startswith("trip_"):
        assert kind in ("trip", "command") and level == "trip", line
    assert event["terminal"] is None or event["battery"] is not None, line


def _order(event):
    slug = event["element"]
    row = _SLUGS.index(slug) if slug in _SLUGS else -1
    terminal = (None, "+", "-").index(event["terminal"])
    level = _LEVELS.index(event["level"])
    return _RANK[event["kind"]], row, event["battery"] or 0, terminal, level


def _check_repetitions(events):
    """A level that has operated does so again only after it cleared, and the other way round."""
    operated = set()
    for event in events:
        slot = tuple(event[name] for name in ("element", "battery", "terminal", "level"))
        if event["element"] in _ROWS_ALIKE or event["kind"] == "info":
            continue
        if event["kind"] == "command" and event["action"] != "fan":
            continue  # what was done to a breaker or a permissive, and no level
        if event["kind"] == "clear":
            assert slot in operated, f"cleared without having operated: {event}"
            operated.discard(slot)
        else:
            assert slot not in operated, f"repeated: {event}"
            operated.add(slot)
