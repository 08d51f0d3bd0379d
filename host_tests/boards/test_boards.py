"""Every board: its manifest freezes what it runs and nothing else, and it trips."""

import json

import pytest

from packwarden_host import REPOSITORY, boards, cli

NAMES = boards.names()


def sources(folder):
    return folder.resolve().rglob("*.py")


@pytest.mark.parametrize("name", NAMES)
def test_the_manifest_freezes_all_that_runs_on_the_board_and_nothing_else(name):
    board = REPOSITORY / "boards" / name
    frozen = set()
    names = {
        "include": lambda path: None,
        "module": lambda name, base_path=".": frozen.add((board / base_path / name).resolve()),
        "package": lambda name, base_path: frozen.update(sources(board / base_path / name)),
        "freeze": lambda path: frozen.update(sources(board / path)),
    }
    exec((board / "manifest.py").read_text(), names)
    told = (board / "board.py").read_text()
    shared = {path for path in board.parent.glob("*.py") if f"from {path.stem} import" in told}
    needed = {*sources(REPOSITORY / "lib"), *sources(REPOSITORY / "firmware")}
    assert frozen == needed | {board / "board.py"} | shared


TRACE = """t_s,i1_A,tp2_C
0,20,25
3,20,95
9,20,95
"""


@pytest.mark.parametrize("name", NAMES)
def test_the_firmware_trips_a_hot_terminal_on_it(name, tmp_path, capsys):
    bank, trace = tmp_path / "bank.json", tmp_path / "trace.csv"
    trace.write_text(TRACE)
    new = f"config new --batteries 4 --rated-current-a 100 --board {name} -o {bank}"
    assert cli.run(new.split()) == 0
    capsys.readouterr()
    assert cli.run(f"replay {trace} --config {bank} --format jsonl".split()) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    trip = next(event for event in events if event["kind"] == "trip")
    assert (trip["element"], trip["battery"], trip["terminal"], trip["action"]) == (
        "terminal_overtemperature",
        2,
        "+",
        "trip_battery",
    )
    assert 5_000 <= trip["t_ms"] <= 5_500
