"""`packwarden console`: a bridge to a pseudo-terminal or socket, in a pipe and on a terminal."""

import os
import pty
import select
import socket
import subprocess
import sys
import threading
import time
import tty
from contextlib import contextmanager

import pytest

_COMMAND = [sys.executable, "-c", "from packwarden_host.cli import main; main()", "console"]


@pytest.fixture
def cabinet():
    """The far side of a pseudo-terminal: its descriptor and the path that is opened."""
    master, slave = os.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    for fd in (master, slave):
        os.close(fd)


def read_until(fd, wanted, timeout_s=20):
    """Read a descriptor until the text has come; returns everything."""
    seen = b""
    end_s = time.monotonic() + timeout_s
    while wanted not in seen:
        assert select.select([fd], [], [], max(end_s - time.monotonic(), 0))[0], seen
        seen += os.read(fd, 4096)
    return seen


@contextmanager
def answering(master, answers):
    """Play a cabinet that answers each line (ended by a carriage return) while the block runs."""
    heard = []

    def play():
        for answer in answers:
            heard.append(read_until(master, b"\r"))
            os.write(master, answer)

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    yield heard
    thread.join(20)
    assert not thread.is_alive()


def test_in_a_pipe_lines_are_sent_and_answers_printed(cabinet):
    master, path = cabinet
    with answering(master, [b"BAT01 closed\r\n\xff> "]) as heard:
        done = subprocess.run([*_COMMAND, path], input=b"bank\n", capture_output=True, timeout=30)
    assert heard == [b"bank\r"]
    assert (done.returncode, done.stdout, done.stderr) == (0, b"BAT01 closed\r\n\xff> ", b"")


def test_a_cabinet_that_has_just_been_started_is_waited_for(cabinet, tmp_path):
    master, path = cabinet
    link = tmp_path / "cabinet"
    with answering(master, [b"BAT01 closed\r\n> "]):
        command = subprocess.Popen(
            [*_COMMAND, link], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        with command:
            assert command.stdin is not None and command.stdout is not None
            command.stdin.write(b"bank\n")
            command.stdin.close()
            link.symlink_to(path)
            assert command.stdout.read() == b"BAT01 closed\r\n> "
            assert command.wait(20) == 0


def test_where_nothing_answers_it_is_said(cabinet, packwarden, monkeypatch):
    monkeypatch.setattr("packwarden_host.console._piped", lambda: iter([b"bank\r"]))
    monkeypatch.setattr("packwarden_host.console.ANSWER_S", 0.1)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    done = packwarden("console", cabinet[1])
    assert done.code == 1
    assert done.err == f"packwarden: {cabinet[1]}: nothing answers within 0.1 s\n"


def test_a_socket_works_as_well():
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
        command = subprocess.Popen([*_COMMAND, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        with command, server.accept()[0] as link:
            assert command.stdin is not None and command.stdout is not None
            command.stdin.write(b"version\n")
            command.stdin.flush()
            assert link.recv(100) == b"version\r"
            link.sendall(b"Packwarden 1\r\n")
            assert command.stdout.readline() == b"Packwarden 1\r\n"
            command.stdin.close()
            assert command.wait(20) == 0


def test_a_connection_that_ends_is_exit_code_1():
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
        pipe = subprocess.PIPE
        command = subprocess.Popen([*_COMMAND, url], stdin=pipe, stdout=pipe, stderr=pipe)
        with command:
            server.accept()[0].close()
            assert command.stderr is not None
            line = command.stderr.readline()
            assert line.startswith(b"packwarden: socket://") and b"the connection ended" in line
            assert command.wait(20) == 1


def test_on_a_terminal_keys_go_as_typed_until_the_exit_key(cabinet):
    master, path = cabinet
    child, terminal = pty.fork()
    if child == 0:
        os.execv(_COMMAND[0], [*_COMMAND, path])
    read_until(terminal, b"Ctrl-] leaves")
    os.write(terminal, b"b\x03\x7f\r")  # Ctrl-C and backspace are the cabinet's
    assert read_until(master, b"\r") == b"b\x03\x7f\r"
    os.write(master, b"^C\r\n> ")
    read_until(terminal, b"^C\r\n> ")
    os.write(terminal, b"x\x1d")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert read_until(master, b"x") == b"x"
    os.close(terminal)


@pytest.mark.parametrize(
    ("port", "reason"),
    [
        (
            "/dev/no-such-port",
            "No such file or directory: is the cable in, or the simulated cabinet running?",
        ),
        ("nonsense://x", "protocol 'nonsense' not known"),
        ("socket://127.0.0.1:1", "refused"),
        ("socket://", "cannot be opened"),
        ("", "cannot be opened"),
    ],
)
def test_a_port_that_cannot_be_opened_is_refused(refused, port, reason):
    assert reason in refused("console", port)
