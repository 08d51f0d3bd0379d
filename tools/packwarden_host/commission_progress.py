"""What of a commissioning is done: each step with its checks, as a file that is gone on with."""

import hashlib
import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from packwarden_host import output
from packwarden_host.errors import BadInput
from packwarden_host.toml_file import first_problem

SCHEMA = 1


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Check(_Kept):
    """One thing that was looked at: what was found, what was wanted; figures have their units.

    `left_out`: it is not as wanted, and whoever commissions has left it so.
    """

    what: str
    found: str
    wanted: str
    good: bool
    left_out: bool = False

    @property
    def result(self) -> str:
        """In a word."""
        return "left out" if self.left_out else "good" if self.good else "failed"


class Step(_Kept):
    """A step as it ended: the time (ISO 8601), who did it, what was checked."""

    when: str
    by: str
    checks: list[Check]

    @property
    def good(self) -> bool:
        """Whether all that was looked at is as it has to be, and something was looked at."""
        return bool(self.checks) and all(check.good for check in self.checks)

    @property
    def state(self) -> str:
        """In a word; incomplete: good as far as it goes, and something was left out."""
        if not self.good:
            return "failed"
        return "incomplete" if any(check.left_out for check in self.checks) else "good"


class Cabinet(_Kept):
    """Which cabinet it is: what a step found counts for this board and configuration alone."""

    board: str
    chip: str  # its unique id
    firmware: str
    configuration: str  # its hash
    batteries: int
    rated_current_A: float


class Progress(_Kept):
    """The commissioning of a cabinet: the steps by name that have ended, in any way."""

    packwarden_commissioning: int = SCHEMA
    cabinet: Cabinet
    steps: dict[str, Step] = {}

    def done(self, name: str) -> bool:
        """Whether a step need not be done any more."""
        return name in self.steps and self.steps[name].good

    def state(self, name: str) -> str:
        """How a step stands: open, failed, incomplete or good."""
        return self.steps[name].state if name in self.steps else "open"

    def dump(self) -> str:
        """The text of the file."""
        return json.dumps(self.model_dump(), indent=1) + "\n"

    def seal(self) -> str:
        """The SHA-256 of the file: it tells a report and a file that belong together."""
        return hashlib.sha256(self.dump().encode()).hexdigest()


def read(path: Path, cabinet: Cabinet) -> Progress:
    """What is done at this cabinet: nothing without a file; BadInput if it is another's."""
    if not path.exists():
        return Progress(cabinet=cabinet)
    data: object = None
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        progress = Progress.model_validate(data)
    except ValidationError as error:
        raise BadInput(f"{path}: no commissioning: {first_problem(error, data)}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "is no JSON"
        raise BadInput(f"{path}: {reason}") from error
    if progress.packwarden_commissioning != SCHEMA:
        raise BadInput(f"{path}: of another version of packwarden")
    for name, now in cabinet:
        before = getattr(progress.cabinet, name)
        if before != now and name != "firmware":
            raise BadInput(
                f"{path}: was begun at a cabinet with {name} {before}, and this one has {now}:"
                " nothing of it counts here: begin anew with --progress FILE, or delete it"
            )
    return progress


def write(path: Path, progress: Progress) -> None:
    """Keep it: the whole of it, or what was there before."""
    output.write_whole(path, progress.dump())
