"""Visits to a cabinet, as `packwarden report` keeps them: `from visits import line, visits`."""

import copy
import json

from packwarden_host import visit

EVENT = {
    "boot": 3,
    "seq": 7,
    "t_ms": 12345,
    "kind": "trip",
    "level": "trip",
    "element": "terminal_rise",
    "device": "26",
    "battery": 3,
    "terminal": "+",
    "value": 37.3,
    "limit": 30.0,
    "unit": "K",
    "held_ms": 60000,
    "action": "trip_battery",
    "detail": None,
}


def event(seq, kind, element, battery=None, **fields):
    """An event of that number."""
    return EVENT | {"seq": seq, "kind": kind, "element": element, "battery": battery} | fields


def sound(batteries=4, load_A=50.0, when="2026-11-01T10:00:00+00:00"):
    """What a sound, commissioned bank tells under load; to be changed, then given to `line`."""
    numbers = range(1, batteries + 1)
    return {
        "packwarden_visit": 1,
        "when": when,
        "by": None,
        "version": {"packwarden": "0.1.0", "board": "cabinet15", "image": "0123abcd"},
        "settings": {
            "bank": {
                "batteries": batteries,
                "rated_current_A": 100,
                "cells": 16,
                "positions": list(numbers),
            }
        },
        "status": {
            "armed": True,
            "t_s": 86400.0,
            "boot": 3,
            "sensors_failed": 0,
            "events_lost": 0,
            "journal_fails": False,
            "missed_ticks": 0,
            "controller": "",
            "restart": None,
            "image": "0123abcd",
            "pin": "set",
            "active": [],
        },
        "bank": {
            "current_A": load_A * batteries,
            "busbar_V": 52.2,
            "ambient_degC": 25.0,
            "main": "closed",
            "batteries": [
                {
                    "battery": k,
                    "current_A": load_A,
                    "voltage_V": 52.3,
                    "plus_degC": 30.0 + k,
                    "minus_degC": 30.0 + k,
                    "breaker": "closed",
                }
                for k in numbers
            ],
        },
        "degraded": [],
        "lockout": [],
        "joints": [
            {"battery": k, "rise_K": 0.5, "error_K": 0.2, "plus_K": 0.0, "minus_K": 0.0}
            | {"used": 200, "idle": 100, "rejected": 3, "baseline": True}
            for k in numbers
        ],
        "resistances": [
            {
                "battery": k,
                "internal_mOhm": 15.0,
                "internal_error_mOhm": 0.1,
                "internal_baseline_mOhm": 15.0,
                "internal_used": 64,
                "internal_rejected": 2,
                "link_mOhm": 0.9,
                "link_error_mOhm": 0.01,
                "link_baseline_mOhm": 0.9,
                "link_used": 64,
                "link_rejected": 2,
            }
            for k in numbers
        ],
        "feed": {
            "feed": "fed diagonally",
            "near": None,
            "highest": 1.01,
            "diagonal": 1.01,
            "shares": [{"battery": k, "share": 1.0, "baseline": 1.0} for k in numbers],
        },
        "counters": [
            {
                "battery": k,
                "charged_Ah": 900.5,
                "discharged_Ah": 850.25,
                "cycles": 8.5,
                "joints_A2h": 40000,
                "plus_degC": 41.5,
                "minus_degC": 40.5,
                "hot_h": 0.0,
                "over_rated_h": 0.0,
                "opened_cold": 2,
                "opened_hot": 0,
            }
            for k in numbers
        ]
        + [{"battery": None, "charged_Ah": None, "opened_cold": 1, "opened_hot": 0}],
        "calibration": {"generation": 0, "corrections": [], "refused": []},
        "selftest": {"selftest": [{"check": "image", "result": "good", "detail": "0123abcd"}]},
        "events": [],
        "last_seq": 6,
    }


def changed(told, **changes):
    """The same with other values by path: changed(sound(), status__pin="missing")."""
    told = copy.deepcopy(told)
    for path, value in changes.items():
        place = told
        *names, last = path.split("__")
        for name in names:
            place = place[int(name) if name.isdigit() else name]
        place[int(last) if last.isdigit() else last] = value
    return told


def visits(folder, *told):
    """Write what was told to a file and read it: the visits, and its path."""
    path = folder / "visits.jsonl"
    path.write_text("".join(f"{json.dumps(one)}\n" for one in told))
    return visit.read(path), path
