"""Secondary injection: what it reaches, in which order, and what it leaves out."""

import pytest

from host.test_commission import Warmed
from packwarden_host import commission, commission_cabinet, injection
from packwarden_host.commission_person import Answers, Person
from packwarden_host.commission_progress import Check, Step
from system.runs import bank


def test_what_a_source_reaches_comes_in_an_order_that_trips_last():
    reached = {one.name: one for one in injection.targets(bank()["elements"])}
    assert list(reached)[:10] == [
        *(f"{name}.warn" for name in ("reverse_current", "undervoltage", "overvoltage")),
        *(f"{name}.alarm" for name in ("reverse_current", "undervoltage", "overvoltage")),
        *("reverse_current.trip", "reverse_current.trip_high"),
        *("undervoltage.trip", "overvoltage.trip"),
    ]
    assert {one.split(".")[0] for one in list(reached)[10:]} == {
        "overcurrent_inverse",
        "overcurrent_instantaneous",
        "terminal_rise",
        "terminal_overtemperature",
    }
    trip = reached["overcurrent_inverse.trip"]
    # IEC_EI: TMS 80 / (M^2 - 1) s, at 250 A of 125 and at 375.
    assert trip.expected_s(250) == pytest.approx(0.25 * 80 / 3, abs=0.002)
    assert trip.expected_s(375) == pytest.approx(0.25 * 80 / 8, abs=0.002)
    warm = reached["terminal_overtemperature.warn"]
    assert (warm.below, warm.above, warm.expected_s(63)) == (58, 63, 5)
    low, high = reached["undervoltage.alarm"], reached["overvoltage.alarm"]
    assert (low.below, low.above) == pytest.approx((46.632, 46.168))
    assert (high.below, high.above) == pytest.approx((58.108, 58.692))
    # Nothing of another level's is touched: the next one is 0.8 V and 0.4 V away.
    assert high.above < reached["overvoltage.trip"].pickup
    off = bank(changes={"overcurrent_inverse.trip": "off"})["elements"]
    assert "overcurrent_inverse.trip" not in {one.name for one in injection.targets(off)}


class Opened(Warmed):
    """The same with its breakers open, and no levels but those that take a closed one."""

    def _elements(self):
        config = bank()["elements"]
        for one in injection.targets(config):
            if not one.joined:
                config[one.element][one.level.key] = "off"
        return config


@pytest.mark.parametrize("named", [False, True])
def test_what_needs_a_closed_breaker_is_left_out_or_waited_for(monkeypatch, named):
    monkeypatch.setattr(commission_cabinet, "POLL_S", 0)
    cabinet = commission_cabinet.Cabinet(Opened(), None)
    given = {"inject_level": ["undervoltage.warn", "reverse_current.trip"]} if named else {}
    person = Person(Answers(name="ada", inject_battery=[2], **given))
    checks = list(injection.run(cabinet, person))
    assert len(checks) == (2 if named else 10)
    assert {(check.result, check.found) for check in checks} == {
        ("failed" if named else "left out", "not done")
    }
    wanted = {check.what: check.wanted for check in checks}
    assert wanted["BAT02 undervoltage.warn"].startswith("Q02 closed, for it looks at")
    assert wanted["BAT02 reverse_current.trip"].endswith("the others discharge 10 A or more")


def test_what_was_injected_before_stays_in_the_report():
    def checks(*whats):
        return [Check(what=what, found="1 s", wanted="1 s", good=True) for what in whats]

    before = checks("BAT01 overvoltage.trip time", "BAT02 overvoltage.trip time")
    now = checks("BAT02 overvoltage.trip below its pickup", "BAT02 overvoltage.trip time")
    earlier = Step(when="2026-11-27T10:00:00+00:00", by="ada", checks=before)
    assert commission.with_earlier(earlier, now) == before[:1] + now
    assert commission.with_earlier(None, now) == now
