"""A configuration as it is pushed to a cabinet's console, line by line: `import pushes`."""

import base64
import binascii

from packwarden import config_text
from packwarden.staging import PIECE


def text(config):
    """The text of a configuration, as bytes."""
    return "".join(config_text.lines(config)).encode()


def checksum(data):
    return f"{binascii.crc32(data):08x}"


def piece(number, data):
    """The line that brings a piece."""
    return f"config put {number} {base64.b64encode(data).decode()} {checksum(data)}"


def lines(config, activate=True):
    """All lines of a push, from what announces it to what activates it."""
    data = config if isinstance(config, bytes) else text(config)
    yield f"config begin {len(data)} {checksum(data)}"
    for number, at in enumerate(range(0, len(data), PIECE)):
        yield piece(number, data[at : at + PIECE])
    yield "config check"
    if activate:
        yield f"config activate {checksum(data)}"


def script(config, pin, begin_ms, activate_ms):
    """A console's script that pushes a configuration, and when it has to be activated."""
    *sent, activate = lines(config)
    typed = [f"unlock {pin}", *sent]
    step_ms = (activate_ms - begin_ms) // (len(typed) + 4)  # the check takes longer
    times = [[begin_ms + step_ms * k, line + "\n"] for k, line in enumerate(typed)]
    return [*times, [activate_ms, activate + "\n"]]
