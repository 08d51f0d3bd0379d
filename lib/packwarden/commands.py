"""All commands of the console by name: what shows, what operates, and help."""

import json

from packwarden import (
    calibration_commands,
    capture_view,
    condition_view,
    config_commands,
    history,
    operations,
    pin,
    selftest,
    status_view,
    timing_view,
    views,
)
from packwarden.replies import Command, no_arguments


def _help(context, words, as_json):
    no_arguments(words)
    commands = context.commands
    exists = context.access.exists
    names = [name for name in sorted(commands) if exists or not commands[name].operates]
    if as_json:
        yield json.dumps([commands[name].usage for name in names]) + "\r\n"
        return
    for name in names:
        usage = commands[name].usage
        yield "  " + usage + " " * max(1, 20 - len(usage)) + commands[name].about + "\r\n"
    if not exists:
        yield "What operates is there once a PIN is set.\r\n"
    yield "Every command takes --json. Ctrl-C ends a reply.\r\n"


COMMANDS = {"help": Command("help", "this list", _help)}
COMMANDS.update(views.COMMANDS)
COMMANDS.update(status_view.COMMANDS)
COMMANDS.update(timing_view.COMMANDS)
COMMANDS.update(history.COMMANDS)
COMMANDS.update(config_commands.COMMANDS)
COMMANDS.update(capture_view.COMMANDS)
COMMANDS.update(calibration_commands.COMMANDS)
COMMANDS.update(selftest.COMMANDS)
COMMANDS.update(condition_view.COMMANDS)
COMMANDS.update(pin.COMMANDS)
COMMANDS.update(operations.COMMANDS)
