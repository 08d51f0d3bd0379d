"""`packwarden vectors`, in a short form: agreement, a changed kernel, what is missing, a board."""

import json
from dataclasses import dataclass, field

import pytest

from boards_on_ports import on_pty, on_socket
from packwarden_host import sources, targets, vectors
from packwarden_host.targets import CPython, UnixVm
from proofs import machines

LOCAL = [target.name for target in targets.local()]


@dataclass
class Changed(UnixVm):
    """The VM with another library than the others."""

    name: str = "changed VM"
    library: dict = field(default_factory=dict)

    def run(self, script, files, listen=targets.deaf):
        return super().run(script, {**files, **self.library}, listen)


@dataclass
class Compiled(UnixVm):
    """The VM with compiled files, as a board has them: nothing is compiled in its heap."""

    def run(self, script, files, listen=targets.deaf):
        return super().run(script, sources.compiled(files, "x64"), listen)


@pytest.fixture
def short(monkeypatch):
    """Two small ordeals instead of all, also for a board."""
    jobs = [job for job in vectors.short_jobs() if job.name in ("1 shunt trip", "2 contactor")]
    for name in ("jobs", "short_jobs"):
        monkeypatch.setattr(vectors, name, lambda: jobs)
    return jobs


@pytest.fixture
def beside(monkeypatch):
    """Let CPython and another target be all there are."""

    def use(other):
        monkeypatch.setattr(targets, "local", lambda: [CPython(), other])

    return use


@pytest.mark.usefixtures("short")
def test_all_local_targets_agree(packwarden):
    result = packwarden("vectors")
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[1].split() == ["target", "runs", "bits", "emitter", "digest"]
    assert [line[: len(name)] for line, name in zip(lines[2:-1], LOCAL, strict=True)] == LOCAL
    assert len({line.split()[-1] for line in lines[2:-1]}) == 1
    assert lines[-1] == "agree: 2 jobs, 400 ticks, the same bits on 4 targets"
    assert sorted(result.err.splitlines()) == sorted(f"{name}: done" for name in LOCAL)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("offer", [on_pty, on_socket])
def test_a_board_agrees_and_is_left_empty(packwarden, offer, tmp_path):
    with offer(tmp_path) as port:
        result = packwarden("vectors", "--port", port, "--json")
    assert (result.code, list(tmp_path.iterdir())) == (0, [])
    told = json.loads(result.out)
    assert told["agree"] and told["ticks"] == 400
    assert [each["target"] for each in told["targets"]] == [*LOCAL, f"board on {port}"]
    digests = {each["digest"] for each in told["targets"]}
    assert len(digests) == 1 and len(digests.pop()) == 16
    assert told["targets"][-1]["emitter"] == "viper, x64"


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("measure.py", "= code * whole", "= 1 + code * whole"),
        ("compare.py", "values[place + i] >= pickup", "values[place + i] > pickup"),
    ],
)
def test_a_changed_kernel_is_named_with_job_and_tick(packwarden, beside, name, old, new):
    beside(Changed(library=machines.changed(name, old, new)))
    result = packwarden("vectors")
    assert result.code == 1
    digests = [line.split()[-1] for line in result.out.splitlines()[2:]]
    assert len(digests) == len(set(digests)) == 2
    assert "packwarden: the targets differ: changed VM from CPython, job '" in result.err
    assert ", tick " in result.err


def test_the_tick_of_a_difference_is_the_first_one(short):
    """The library computes another voltage from the tick on at which the clock wraps."""
    library = machines.changed(
        "protection.py", "dt = ", "self.faults ^= int(now_ms < 4000)\n        dt = "
    )
    report = vectors.compare([CPython(), Changed(library=library)], short[:1])
    (found,) = report.differences
    files = vectors.files([short[0].arguments(every=1)])
    pair = [
        target.run(vectors.script(1), {**files, **more})
        for target, more in (
            (CPython(), {}),
            (UnixVm(), library),
        )
    ]
    lines = zip(*(printed.splitlines() for printed in pair), strict=False)
    at = next(number for number, (mine, its) in enumerate(lines) if mine != its)
    assert at > 0 and found.endswith(f"tick {at + 1}")


@pytest.mark.usefixtures("short")
def test_what_is_not_installed_is_said_in_its_row(packwarden, monkeypatch, tmp_path):
    monkeypatch.setattr(targets, "WASM32", tmp_path / "none")
    result = packwarden("vectors")
    row = result.out.splitlines()[-1]
    assert row.startswith("32-bit VM, bytecode")
    assert row.endswith("not run: the 32-bit VM is not installed (make setup brings it)")
    assert (result.code, "not every target ran: 32-bit VM" in result.err) == (1, True)


@pytest.mark.usefixtures("short")
def test_an_allocation_in_the_step_is_a_failure(packwarden, beside):
    beside(Changed(library=machines.changed("protection.py", "dt > GAP_ms", "[dt] > [GAP_ms]")))
    result = packwarden("vectors", "--json")
    assert result.code == 1
    told = json.loads(result.out)
    assert not told["agree"]
    assert "MemoryError" in told["targets"][1]["problem"]


def test_a_bank_that_does_not_fit_is_left_out_of_the_comparison():
    """There is a heap that holds one battery and not fifteen; which one, its fragments decide."""
    chosen = [job for job in vectors.short_jobs() if job.name[:2] in ("1 ", "15")]
    small, large = (job.name for job in chosen)
    for heap_kB in range(300, 1000, 10):
        report = vectors.compare([CPython(), Compiled(heap=f"{heap_kB}k")], chosen)
        if not report.results[1].problem and report.results[1].small:
            break
    assert report.agree
    assert (report.names, report.results[1].small) == ([small], [large])
    assert large in vectors._table(report)[1][1][-1]


def test_the_jobs_have_each_chip_and_each_breaker():
    banks = [job.config for job in vectors.jobs() if "bank" in job.config]
    assert {bank["sensors"]["monitor"] for bank in banks} == {"ina226", "ina228", "ina238"}
    assert {bank["breakers"]["kind"] for bank in banks} == {"shunt_trip", "uvr", "contactor"}
    assert {bank["bank"]["batteries"] for bank in banks} >= {1, 2, 15}


def test_help_says_what_it_does(packwarden):
    for command in ("vectors", "bench"):
        result = packwarden(command, "--help")
        assert result.code == 0
        assert "--port" in result.out and "--json" in result.out
    assert "socket://host:port" in " ".join(result.out.split())


def test_every_script_of_a_target_is_given_to_it():
    assert {"vectors.py", "ordeal.py", "step.py", "heap.py"} <= set(sources.scripts())
