"""What the console asks of the board: its button, its chip, chance, and service mode."""

import os
import time

from machine import Pin, unique_id

import board


class Controls:
    """What the console asks of the board."""

    def __init__(self):
        self._button = Pin(board.PIN_BUTTON, Pin.IN, Pin.PULL_UP)
        self.service_min = 0  # for how long service mode is wanted; 0: it is not
        self.asked_ms = 0

    def service(self, minutes):
        """Let service mode begin soon."""
        self.service_min = minutes
        self.asked_ms = time.ticks_ms()

    def random(self, count):
        """Return so many bytes that nobody can foresee."""
        return os.urandom(count)

    def chip(self):
        """Return in hex what no other board has."""
        return unique_id().hex()

    def button(self):
        """Return whether somebody holds the board's button down."""
        return not self._button.value()
