"""Reads every chip each tick, trips battery 1 above a code, and tells what it sees as event lines.

The key "act" of its configuration says what it does in its 50th tick; with "limits" every monitor
gets limits of its own, whose flags it reads in each tick, or with "limits": "deaf" never.
"""

import json
import select
import sys
import time

import machine
import micropython
from esp32 import NVS
from machine import ADC, I2C, WDT, Pin

import board

TICK_ms = 10
TRIP_CODE = 100_000

current = None


class Log:
    def __init__(self):
        self.lines = []
        self.first_seq = 0
        self.next_seq = 0
        self.oldest_seq = 0

    def add(self, *fields):
        self.lines.append(json.dumps(list(fields)))
        self.next_seq += 1

    def line(self, seq):
        return self.lines[seq]


class Protection:
    def __init__(self):
        self.events = Log()


class Cabinet:
    def __init__(self, config):
        self.protection = Protection()
        self.events = self.protection.events
        self.batteries = config["batteries"]
        self.monitors = _bus(board.I2C_MONITORS)
        self.expanders = _bus(board.I2C_EXPANDERS)
        self.select = [Pin(number, Pin.OUT, value=0) for number in board.MUX_SELECT]
        self.adcs = [ADC(Pin(number), atten=ADC.ATTN_11DB) for number in board.MUX_ADC]
        self.adcs.append(ADC(Pin(board.ADC_SUPPLY), atten=ADC.ATTN_11DB))
        self.pins = (
            Pin(board.PIN_ALERT, Pin.IN),
            Pin(board.PIN_EXTERNAL_TRIP, Pin.IN, Pin.PULL_UP),
        )
        self.limits = config.get("limits")
        self.limit_words = (bytearray((0x0C, 0x10, 0)), bytearray((0x0B, 0xA0, 1)))
        if self.limits:
            self.arm()
        self.pointer = bytearray(1)
        self.result = bytearray(3)
        self.pair = bytearray(2)
        self.relays = bytearray((0x14, 0, 0))
        self.code = 0
        self.digest = 0
        self.errno = 0
        self.open = 0
        self.address = 0
        self.expanders.writeto(board.RELAY_EXPANDER, self.relays)
        self.expanders.writeto(board.RELAY_EXPANDER, bytearray((0, 0, 0)))
        for address in board.INPUT_EXPANDERS:
            self.expanders.writeto(address, bytearray((0x0C, 0x7F, 0x7F)))

    def arm(self):
        """Allocates nothing either: a chip that forgot its limits gets them in the tick."""
        for k in range(self.batteries):
            for word in self.limit_words:
                self.monitors.writeto(board.MONITOR_ADDRESSES[k], word)

    def mix(self, value):
        self.digest = (self.digest * 31 + value) & 0x3FFFFFFF

    def tick(self):
        """Allocates nothing."""
        for k in range(self.batteries):
            try:
                code = self.monitor(board.MONITOR_ADDRESSES[k])
            except OSError as error:
                self.errno = error.args[0]
                code = 0
            self.mix(code)
            if k == 0:
                self.code = code - (1 << 20) if code >> 19 else code
        for adc in self.adcs:
            self.mix(adc.read_uv())
        for pin in self.pins:
            self.mix(pin.value())
        if self.limits == "read":
            self.read_flags()
        self.address = (self.address + 1) & 15
        for line in range(4):
            self.select[line].value(self.address >> line & 1)
        self.pointer[0] = 0x12
        self.expanders.writeto(board.INPUT_EXPANDERS[0], self.pointer)
        self.expanders.readfrom_into(board.INPUT_EXPANDERS[0], self.pair)
        self.open = self.pair[0] & 1
        self.mix(self.pair[0] | self.pair[1] << 8)
        if self.code > TRIP_CODE:
            self.relays[1] = 1
        self.expanders.writeto(board.RELAY_EXPANDER, self.relays)

    def read_flags(self):
        self.pointer[0] = 0x0B
        for k in range(self.batteries):
            try:
                self.monitors.writeto(board.MONITOR_ADDRESSES[k], self.pointer)
                self.monitors.readfrom_into(board.MONITOR_ADDRESSES[k], self.pair)
                self.mix(self.pair[1])
                if not self.pair[0]:
                    self.arm()
            except OSError:
                pass

    def monitor(self, address):
        self.pointer[0] = 4
        self.monitors.writeto(address, self.pointer)
        self.monitors.readfrom_into(address, self.result)
        return self.result[0] << 12 | self.result[1] << 4 | self.result[2] >> 4


def _bus(wired):
    number, scl, sda, freq_hz, timeout_us = wired
    return I2C(number, scl=Pin(scl), sda=Pin(sda), freq=freq_hz, timeout=timeout_us)


def run():
    global current
    with open("config.json") as file:
        config = json.load(file)
    memory = machine.mem_backup()
    current = Cabinet(config)
    watchdog = WDT(timeout=1000)
    poll = select.poll()
    poll.register(sys.stdin, select.POLLIN)
    poll.register(sys.stdout, select.POLLOUT)
    byte = bytearray(1)
    log = current.protection.events
    boot_ms = deadline = time.ticks_ms()
    ticks = 0
    before = None
    while True:
        deadline = time.ticks_add(deadline, TICK_ms)
        time.sleep_ms(time.ticks_diff(deadline, time.ticks_ms()))
        now_ms = time.ticks_diff(time.ticks_ms(), boot_ms)
        micropython.heap_lock()
        try:
            current.tick()
            watchdog.feed()
        finally:
            micropython.heap_unlock()
        ticks += 1
        if ticks == 5 and config.get("act") != "idle":
            arm_ms = now_ms
            log.add("boot", machine.reset_cause(), bytes(memory[:4]) == b"kept")
        if ticks < 5 or not log.next_seq:
            continue
        seen = (round(current.code, -2), current.open, current.errno)
        if seen != before or ticks % 100 == 0:
            before = seen
            log.add(now_ms - arm_ms, *seen, current.digest if ticks % 100 == 0 else None)
        for stream, event in poll.ipoll(0):
            if event == select.POLLIN and stream.readinto(byte):
                poll_out(poll, bytes(byte).upper())
        if ticks == 50:
            act(config.get("act"), memory)


def poll_out(poll, data):
    for stream, event in poll.ipoll(0):
        if event == select.POLLOUT:
            stream.write(data)


def act(what, memory):
    if what == "reset":
        memory[:4] = b"kept"
        machine.reset()
    elif what == "hang":
        while True:
            time.sleep_ms(10)
    elif what == "nvs":
        lives(NVS("tiny"))
        machine.reset()
    elif what == "raise":
        raise ValueError("as asked")


def lives(nvs):
    """Count the lives of the board; what is not committed is not counted."""
    try:
        number = nvs.get_i32("lives")
        mark = bytearray(8)
        mark = bytes(mark[: nvs.get_blob("mark", mark)])
    except OSError as error:
        number = 0
        mark = error.args[0]
    current.protection.events.add("lives", number, repr(mark))
    nvs.set_i32("lives", number + 1)
    nvs.set_blob("mark", b"\x00kept\xff")
    nvs.commit()
    nvs.set_i32("lives", 99)
