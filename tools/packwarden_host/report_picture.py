"""`make picture`: the report of the README, of a joint that works loose over three monthly checks.

The cabinet is the simulated one, with the real firmware, over seven hours that stand for two
months: each check has a date of its own. Headless Chromium makes the picture (Debian: `apt install
chromium`); nothing else needs it.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from packwarden_host import REPOSITORY
from packwarden_host.dialogue import Dialogue

COMMAND = str(Path(sys.executable).with_name("packwarden"))
PICTURE = REPOSITORY / "tools" / "report.png"
PIN = "864209"
SPEED = 100
DATES = ("2026-09-02", "2026-10-02", "2026-11-01")
# A cycle: it rests, gives with a step each minute, then steadily (it is checked), is charged.
REST_s, STEPS_s, STEADY_s, CHARGE_s = 1560, 2700, 2500, 3620
CYCLE_s = REST_s + STEPS_s + STEADY_s + CHARGE_s
CHECK_s = REST_s + STEPS_s + 100
WIDE, HIGH = 800, 1130  # A4 at 96 dpi
_LOOK_s = 1.0


def scenario() -> str:
    """The scenario as TOML."""
    steps = []
    for cycle in range(len(DATES)):
        begin = cycle * CYCLE_s
        steps.append((begin, 0))
        gives = range(begin + REST_s, begin + REST_s + STEPS_s, 60)
        steps += [(at, (240, 120)[place % 2]) for place, at in enumerate(gives)]
        steps.append((begin + REST_s + STEPS_s, 240))
        steps.append((begin + CYCLE_s - CHARGE_s, -300))
    load = ", ".join(f"{{ at_s = {at}, current_A = {current_A} }}" for at, current_A in steps)
    return f"""
title = "A joint works loose over three months"
end_s = {len(DATES) * CYCLE_s}
tick_ms = 1000
[bank]
batteries = 4
rated_current_A = 100
capacity_Ah = 200
soc_percent = 80
settled = true
[load]
step = [{load}]
[[fault]]
kind = "joint_resistance"
battery = 3
terminal = "+"
added_mohm = 0.3
at_s = {CYCLE_s // 2}
ramp_s = {CYCLE_s}
"""


def main() -> None:
    """Write the picture; on stderr how far that is."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("headless Chromium is needed: apt install chromium")
    with tempfile.TemporaryDirectory(prefix="packwarden-") as name:
        folder = Path(name)
        (folder / "loose.toml").write_text(scenario())
        options = ["sim", "loose.toml", "--link", "cabinet", "--speed", str(SPEED)]
        command = [COMMAND, *options]
        with subprocess.Popen(command, cwd=folder, stdout=sys.stderr) as cabinet:
            try:
                while not (folder / "cabinet").exists():
                    time.sleep(_LOOK_s)
                for place, date in enumerate(DATES):
                    _visit(folder, place, date)
            finally:
                cabinet.terminate()
        page = (folder / "report.html").as_uri()
        size = f"--window-size={WIDE},{HIGH}"
        how = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", size]
        shot = folder / "report.png"
        command = [browser, *how, f"--screenshot={shot}", page]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        shutil.copyfile(shot, PICTURE)
    print(f"wrote {PICTURE.relative_to(REPOSITORY)}")


def _visit(folder: Path, place: int, date: str) -> None:
    port = str(folder / "cabinet")
    at_s = place * CYCLE_s + CHECK_s
    with Dialogue(port) as dialogue:
        while (now_s := json.loads(dialogue.ask("status --json"))["t_s"]) < at_s:
            print(f"\rcheck of {date}: {now_s:.0f} of {at_s} s", end="", file=sys.stderr)
            time.sleep(_LOOK_s)
        print(file=sys.stderr)
        if place == 0:
            dialogue.ask(f"pin {PIN}")
            dialogue.unlock(PIN)
            print(dialogue.ask("baseline store"), file=sys.stderr)
    given = ["--date", date, "--by", "J. Smith", "--done", "--pin", PIN]
    command = [COMMAND, "report", port, "-o", str(folder / "report.html"), *given]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
