"""Exports of a capture: a trace that `replay` takes, and COMTRADE that its library reads."""

import csv
import math

import comtrade
import pytest

from cabinets import at_once, configuration, only
from captured import Recorded
from packwarden_host import bank_file
from packwarden_host.trace import Trace


def captured(config=None, **measured):
    """A capture's recording: battery 2 gets too hot after 3 s; a terminal of 3 is open."""
    recorded = Recorded(config, **measured)
    cabinet = recorded.cabinet
    cabinet.counts[cabinet.terminal_channel(2)] = 24_000
    cabinet.notes[3] = cabinet.notes[cabinet.frame.voltage + 3] = 1
    recorded.run(3)
    recorded.heat(1)
    recorded.run_until_frozen()
    return recorded


@pytest.fixture(scope="module")
def recorded():
    config = only(configuration(4), "terminal_overtemperature")
    made = captured(config, current_A=[40.0, 327.68, -12.5, 40.0])
    made.data = made.kept()
    return made


@pytest.fixture
def exported(packwarden, written, recorded, tmp_path):
    """Export the capture; returns the path that was asked for, and the facts of the capture."""

    def run(form, name, data=None):
        path = tmp_path / name
        given = written(data or recorded.data, "trip.pwc")
        result = packwarden("export", given, "--format", form, "-o", path)
        assert (result.code, result.err) == (0, "")
        assert "samples: " in result.out and "BAT02 TERM+" in result.out
        return path

    return run


def rows(path):
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def test_as_csv_it_is_a_trace(exported, recorded):
    path = exported("csv", "trip.csv")
    found = list(Trace(path, 4))
    assert len(found) == recorded.captures.facts[2]
    assert [row.t_ms for row in found][:3] == [0, 10, 20]
    first, last = rows(path)[0], rows(path)[-1]
    assert float(first["i2_A"]) == pytest.approx(327.68, abs=0.01)
    assert float(first["i3_A"]) == pytest.approx(-12.5, abs=0.01)
    assert (first["i4_A"], first["v4_V"], first["tp3_C"]) == ("absent", "absent", "open")
    assert float(last["tp2_C"]) == pytest.approx(95, abs=0.2)
    assert float(first["tamb_C"]) == pytest.approx(25, abs=0.1)
    assert (first["cb2"], last["cb2"], last["cb1"]) == ("1", "0", "1")
    assert "main" not in first and first["bms1"] == "0"


def test_the_trace_trips_the_same_element_in_the_whole_firmware(exported, packwarden, tmp_path):
    path = exported("csv", "trip.csv")
    bank = tmp_path / "bank.json"
    config = at_once(bank_file.build(bank_file.Choices(batteries=4, rated_current_A=100)))
    bank.write_text(bank_file.dump(config))
    result = packwarden("replay", path, "--config", bank)
    assert (result.code, result.err) == (0, "")
    assert "terminal_overtemperature (26)  BAT02 TERM+" in result.out


def test_comtrade_reads_it_and_its_values_are_those_of_the_trace(exported):
    trace = rows(exported("csv", "trip.csv"))
    found = comtrade.load(str(exported("comtrade", "trip.cfg")))
    assert (found.rev_year, found.ft, found.total_samples) == ("1999", "ASCII", len(trace))
    assert found.time[-1] == pytest.approx(float(trace[-1]["t_s"]))
    columns = {f"I{k}": f"i{k}_A" for k in range(1, 5)}
    columns |= {f"V{k}": f"v{k}_V" for k in range(1, 5)} | {"VBUS": "vbus_V", "TAMB": "tamb_C"}
    for k in range(1, 5):
        columns |= {f"T{k}+": f"tp{k}_C", f"T{k}-": f"tn{k}_C"}
    values = dict(zip(found.analog_channel_ids, found.analog, strict=True))
    assert set(values) == {*columns, "VSUPPLY"}
    for place, channel in enumerate(found.cfg.analog_channels):
        if channel.name == "VSUPPLY":
            continue
        for row, value in zip(trace, found.analog[place], strict=True):
            cell = row[columns[channel.name]]
            if cell in ("absent", "open"):
                assert math.isnan(value)
            else:
                assert value == pytest.approx(float(cell), abs=channel.a / 2 + 1e-4)
    assert values["VSUPPLY"][0] == pytest.approx(24, abs=0.01)


def test_comtrade_has_the_contacts_the_outputs_and_the_trip(exported, recorded):
    found = comtrade.load(str(exported("comtrade", "trip.CFG").with_suffix(".cfg")))
    states = dict(zip(found.status_channel_ids, found.status, strict=True))
    tick = recorded.captures.facts[1]
    assert list(states["TRIP"]) == [int(n >= tick) for n in range(1, found.total_samples + 1)]
    assert found.trigger_time == pytest.approx(found.time[tick - 1], abs=0.001)
    assert found.trigger_timestamp.year == 2000
    event = recorded.protection.events.event(recorded.captures.facts[0])
    assert found.trigger_timestamp.timestamp() % 86400 == pytest.approx(
        event.t_ms / 1000, abs=0.001
    )
    assert states["Q2"][tick - 2 : tick].tolist() == [0, 1]
    opened = list(states["52A2"]).index(0)
    assert tick < opened + 1 <= tick + 6
    assert set(states["52A1"]) == set(states["52AMAIN"]) == {1}
    assert set(states["ALARM"]) == {0, 1}  # energised until it alarms
    assert set(states["BMS1"]) == {0}


def test_every_kind_of_bank_has_its_channels(exported):
    changes = {
        "sensors.main_shunt_uohm": 50,
        "sensors.control_supply_V": 0,
        "sensors.bms_contact": "open_on_alarm",
        "breakers.feedback": "52b",
    }
    data = captured(configuration(4, changes)).kept()
    found = comtrade.load(str(exported("comtrade", "other.cfg", data)))
    assert "IMAIN" in found.analog_channel_ids and "VSUPPLY" not in found.analog_channel_ids
    states = dict(zip(found.status_channel_ids, found.status, strict=True))
    assert set(states["BMS1"]) == {0} and states["52A1"][0] == 1
    data = captured(configuration(4, changes | {"breakers.feedback": "none"})).kept()
    found = comtrade.load(str(exported("comtrade", "blind.cfg", data)))
    assert "52A1" not in found.status_channel_ids


def test_a_file_that_cannot_be_written_is_refused_before_the_work(refused, written, recorded):
    path = written(recorded.data, "trip.pwc")
    assert "No such file" in refused("export", path, "-o", "/no/such/folder/a.csv")


def test_what_differs_is_not_exported(packwarden, written, recorded, monkeypatch, tmp_path):
    from packwarden_host import capture_file

    monkeypatch.setattr(capture_file, "difference", lambda *_: "tripped in tick 1, and so on")
    path = written(recorded.data, "trip.pwc")
    result = packwarden("export", path, "-o", tmp_path / "a.csv")
    assert result.code == 1 and "tripped in tick 1" in result.err
    assert not (tmp_path / "a.csv").exists()
