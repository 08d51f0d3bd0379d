"""`packwarden selftest PORT`: what a cabinet checks, when, and what came of it."""

import json

from packwarden_host import output
from packwarden_host.dialogue import Dialogue
from packwarden_host.errors import RunFailed

_HEADS = ("check", "result", "when", "protected", "detail")
_STYLES = {"good": output.STYLES["clear"], "bad": output.STYLES["trip"], "not done": "dim"}


def run(port: str, as_json: bool) -> int:
    """Let a cabinet test itself and show it: 0 where nothing is bad, else 1."""
    with Dialogue(port) as dialogue:
        return show(dialogue, as_json)


def show(dialogue: Dialogue, as_json: bool = False) -> int:
    """The same of a cabinet that somebody talks to."""
    reply = dialogue.ask("selftest --json")
    try:
        found = json.loads(reply)["selftest"]
        cells = [
            (r["check"], r["result"], r["when"], "yes" if r["protected"] else "NO", r["detail"])
            for r in found
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise RunFailed(f"{dialogue.port}: the reply is no self-test: {error}") from error
    bad = sum(row["result"] == "bad" for row in found)
    if as_json:
        print(json.dumps({"selftest": found}))
    else:
        output.table("Self-test", _HEADS, cells, [_STYLES.get(cell[1]) for cell in cells])
        left = sum(row["result"] == "not done" for row in found)
        verdict = f"{len(found) - bad - left} good, {bad} bad, {left} not done"
        output.line(verdict, _STYLES["bad" if bad else "good"])
    return 1 if bad else 0
