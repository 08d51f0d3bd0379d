"""A board as a target: the real VM's REPL at the other end of a pseudo-terminal or a socket."""

import os

import pytest
from mpremote.transport import TransportError

from boards_on_ports import on_pty, on_socket, repl
from packwarden_host import board_repl, sources, targets
from packwarden_host.board_target import SCRATCH, Board
from packwarden_host.errors import BadInput, RunFailed
from system.lines import offered

KERNEL = """
import micropython
from array import array
@micropython.viper
def first(values) -> int:
    return int(ptr32(values)[0])
print(first(array("i", [7])))
"""
STATE = (
    "(__import__('sys').path, sorted(__import__('sys').modules), __import__('os').getcwd(),"
    " [n for n in dir(__import__('builtins')) if n.startswith('p')], sorted(globals()))"
)


@pytest.fixture
def port(tmp_path):
    (tmp_path / "main.py").write_text("# mine")
    with on_pty(tmp_path) as path:
        yield path


def state(port):
    """What a session could leave behind in the board's memory."""
    with repl(port) as link:
        return link.eval(STATE)


@pytest.mark.parametrize("offer", [on_pty, on_socket])
def test_a_script_runs_among_its_files(offer, tmp_path):
    files = {"kernel.py": KERNEL, "below/said.py": "A = 5", "data.txt": "x\ny"}
    script = "import kernel\nfrom below.said import A\nprint(A, open('data.txt').read())\n"
    with offer(tmp_path) as port, Board(port) as board:
        assert board.run(script, files) == "7\n5 x\ny\n"
        assert (tmp_path / SCRATCH / "kernel.mpy").exists()
        assert board.facts()["emitter"] == "viper, x64"
    assert os.listdir(tmp_path) == []


def test_afterwards_the_board_is_as_it_was(port, tmp_path):
    before = state(port)
    with Board(port) as board:
        board.run("import kernel\nx = 1\n", {"kernel.py": KERNEL})
    assert state(port) == before
    assert os.listdir(tmp_path) == ["main.py"]


def test_each_run_loads_its_modules_anew(port):
    with Board(port) as board:
        for said in ("1", "2", "2"):
            assert board.run("import said\n", {"said.py": f"print({said})"}) == f"{said}\n"


def test_what_the_board_had_loaded_is_neither_measured_nor_lost(port, tmp_path):
    (tmp_path / "said.py").write_text("A = 'of the board'")
    with repl(port) as link:
        link.exec("import said")
    with Board(port) as board:
        assert board.run("import said\nprint(said.A)\n", {"said.py": "A = 'ours'"}) == "ours\n"
    with repl(port) as link:
        assert link.eval("__import__('sys').modules['said'].A") == "of the board"


def test_without_an_emitter_it_runs_bytecode(port, monkeypatch):
    """An ESP32-C3 whose MicroPython has none; this VM loads such files too."""
    plain = targets.FACTS.replace('getattr(_i, "_mpy", 0)', "0x306")
    assert plain != targets.FACTS
    monkeypatch.setattr(targets, "FACTS", plain)
    before = state(port)
    with Board(port) as board:
        assert board.facts()["emitter"] == "bytecode"
        assert board.run("import kernel\n", {"kernel.py": KERNEL}) == "7\n"
    assert state(port) == before
    with repl(port) as link, pytest.raises(TransportError, match="NameError"):
        link.exec("ptr8")


@pytest.mark.parametrize("script", ["1 // 0", "import broken", "raise KeyboardInterrupt"])
def test_a_script_that_fails_leaves_nothing(port, tmp_path, script):
    before = state(port)
    with pytest.raises(RunFailed, match="board on "), Board(port) as board:
        board.run(script, {"broken.py": "1 // 0"})
    assert os.listdir(tmp_path) == ["main.py"]
    assert state(port) == before


@pytest.mark.parametrize("at", ["copying", "running"])
@pytest.mark.parametrize("reason", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_leaves_nothing(port, tmp_path, at, reason):
    before = state(port)

    def listen(line):
        if line.startswith(at):
            raise reason

    script = "while True: print('running')"
    with pytest.raises(reason), Board(port) as board:
        board.run(script, {"a.py": "A = 1", "b.py": "A = 2"}, listen)
    assert os.listdir(tmp_path) == ["main.py"]
    assert state(port) == before


def test_what_an_earlier_session_left_goes(port, tmp_path):
    (tmp_path / SCRATCH / "packwarden").mkdir(parents=True)
    (tmp_path / SCRATCH / "packwarden" / "old.mpy").write_text("old")
    with Board(port) as board:
        assert board.run("print(1)", {}) == "1\n"
    assert os.listdir(tmp_path) == ["main.py"]


@pytest.mark.parametrize("march", ["x64", "xtensawin", "rv32imc"])
def test_all_that_a_board_is_given_compiles_for_it(march):
    files = {**sources.library(), **sources.scripts(), **sources.firmware()}
    compiled = sources.compiled(files, march)
    assert {path.removesuffix(".mpy") for path in compiled} == {
        path.removesuffix(".py") for path in files
    }


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("_i.name, [1, 23, 0], True, 0x306", "this needs MicroPython 1.24 or newer"),
        ('"circuitpython", [9, 2, 0], False, 0x306', "runs CircuitPython 9.2.0"),
        ("_i.name, [1, 31, 0], True, 0x207", ".mpy files of version 7.2"),
        ("_i.name, [1, 31, 0], True, 0x2A06", ".mpy files of version 6.2"),
        ("_i.name, [1, 24, 0], True, 0", ".mpy files of version 0.0"),
        ("", "cannot tell what it is"),
    ],
)
@pytest.mark.parametrize("command", ["vectors", "bench"])
def test_what_it_cannot_run_on_is_refused(port, refused, monkeypatch, told, reason, command):
    script = f"import json, sys\n_i = sys.implementation\nprint(json.dumps([{told}]))"
    monkeypatch.setattr(targets, "FACTS", script)
    assert reason in refused(command, "--port", port)


@pytest.mark.parametrize("command", ["vectors", "bench"])
def test_a_port_that_cannot_be_opened_is_refused(refused, command):
    assert "/dev/no-such-port: cannot be opened" in refused(command, "--port", "/dev/no-such-port")


def test_a_port_at_which_nobody_answers_is_refused(refused, monkeypatch):
    monkeypatch.setattr(board_repl, "ANSWER_s", 0.1)
    far, near = os.openpty()
    try:
        said = refused("vectors", "--port", os.ttyname(near))
    finally:
        os.close(far)
        os.close(near)
    assert "no REPL of MicroPython answers" in said


def test_a_cabinet_that_protects_is_left_alone(refused, monkeypatch):
    monkeypatch.setattr(board_repl, "ANSWER_s", 3)
    with offered("--batteries", 2) as (_, path):
        said = refused("vectors", "--port", path)
    assert "a cabinet's console answers, and no byte on it stops protection" in said


def test_a_board_that_goes_away_is_told_with_what_may_be_left(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(board_repl, "SILENCE_s", 1)
    monkeypatch.setattr(board_repl, "ANSWER_s", 1)

    def listen(line):
        os.kill(int(line), 9)

    with on_pty(tmp_path) as port:
        script = "import os\nwhile True: print(open('/proc/self/stat').read().split()[0])"
        with pytest.raises((RunFailed, BadInput)), Board(port) as board:
            board.run(script, {}, listen)
    assert f"{SCRATCH} may be left on the board" in capsys.readouterr().err
