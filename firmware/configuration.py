"""Which configuration runs: the newest of the two slots that is whole and good.

The first one comes as a file, `config.json`: it is taken over into a slot and removed. One that is
no good is refused with the reason, and the last good one runs. Where none is left, none runs.
"""

import binascii
import json

import board
import flash
from packwarden import config_text, settings
from packwarden.two_slots import TwoSlots

FIRST = "config.json"
SLOTS = "config"

_ENOENT = 2


class ConfigurationError(Exception):
    """No configuration is there, or none that is good; its text says which and why.

    `lost`: the Configuration, where there was one and none of it is good any more; else None.
    """

    def __init__(self, reason, lost=None):
        super().__init__(reason)
        self.lost = lost


class Configuration:
    """The configuration of a board; `hash`: CRC-32 of its text."""

    def __init__(self):
        self.slots = TwoSlots(flash, SLOTS)
        self.hash = 0

    @property
    def refused(self):
        """True while something lies in the flash that should run and does not."""
        return bool(self.slots.refused)

    def load(self):
        """Return the configuration that runs, or raise ConfigurationError. Boot only."""
        slots = self.slots
        slots.load()
        config = self._first()
        while config is None:
            if not slots.generation:
                reasons = ["%s: %s" % refused for refused in slots.refused]
                was = [name for name, _ in slots.refused if name != FIRST]
                reason = "; ".join(reasons) or "no " + FIRST
                raise ConfigurationError(reason, self if was else None)
            config = self._kept()
        return config

    def clear(self):
        """Remove what was refused: a person has brought a good one since."""
        for name, _ in self.slots.refused:
            if name != self.slots.name:
                _remove(name)
        self.slots.refused = []

    def _first(self):
        """Take over the file that somebody has copied to the board, if it is there and good."""
        config = None
        try:
            with open(FIRST) as file:
                config = json.load(file)
            reason = examine(config)
        except OSError as error:
            if error.args[:1] == (_ENOENT,):
                return None
            reason = "cannot be read"
        except ValueError:
            reason = "is not JSON"
        if reason:
            self.slots.refused.append((FIRST, reason))
            return None
        if self._keep(config):
            _remove(FIRST)
            self.clear()
        else:
            self.slots.refused.append((FIRST, "runs, but the flash does not keep it"))
        return config

    def _kept(self):
        """Return what the slot that counts holds; None where it is no good: then it is refused."""
        slots = self.slots
        config = {}
        try:
            for _ in config_text.read(slots.pieces(), config):
                pass
            reason = examine(config)
        except ValueError as error:
            reason = str(error)
        except OSError:
            reason = "cannot be read"
        if reason:
            slots.refuse(reason)
            return None
        self.hash = slots.checksum
        if slots.schema != settings.SCHEMA:
            self._keep(config)  # as it was brought up to date
        return config

    def _keep(self, config):
        """Put a good configuration into a slot, unless it is there; return whether it is."""
        pieces = [line.encode() for line in config_text.lines(config)]
        self.hash = 0
        for piece in pieces:
            self.hash = binascii.crc32(piece, self.hash)
        if self.slots.generation and self.hash == self.slots.checksum:
            return True  # the power went before the file was removed
        try:
            for _ in self.slots.store(settings.SCHEMA, pieces):
                pass
        except OSError:
            return False
        return True


def _remove(name):
    try:
        flash.remove(name)
    except OSError:
        pass  # at the next start it is looked at again


def examine(config):
    """Bring a configuration up to date; return what is wrong with it, the first, or None."""
    if isinstance(config, dict) and config.get("schema") != settings.SCHEMA:
        from packwarden import migration  # in no other case it takes memory

        migration.migrate(config)
    found = settings.errors(config) or settings.board_errors(config, board)
    return ("%s %s" % found[0]).strip() if found else None
