"""The documentation shows what its commands print, and `make run` is the run that it shows."""

import os
import re
import subprocess

import pytest

from packwarden_host import REPOSITORY, docs

EVENT = re.compile(r"^ *[0-9]+\.[0-9]{3} s  [A-Z]{4}.*$", re.MULTILINE)


@pytest.mark.parametrize("name", docs.FILES)
def test_what_is_shown_is_what_is_printed(name):
    assert docs.differences(name) == []


def test_make_run_ends_by_itself_and_is_the_run_of_the_readme():
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        ["make", "run"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    events = EVENT.findall(done.stdout)
    assert events[0].split() == ["0.000", "s", "INFO", "boot"]
    assert [line for line in events if "TRIP" in line]
    shown = (REPOSITORY / "README.md").read_text()
    (block,) = re.findall(r"^\$ make run\n(.*?)^```$", shown, re.MULTILINE | re.DOTALL)
    assert EVENT.findall(block) == events
