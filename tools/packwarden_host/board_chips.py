"""What the pins of an ESP32 and an ESP32-S3 can be spared for: facts, with their source."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Chip:
    """One chip. A pin that is in `taken` carries nothing of ours, for the reason given there."""

    title: str
    source: str
    pins: frozenset[int]
    taken: dict[int, str]
    button: int  # the strapping pin that has a button on every DevKit, and may serve as one
    input_only: frozenset[int]  # these have no pull-up and no pull-down either
    converter_1: frozenset[int]
    converter_2: frozenset[int]
    converter_mV: tuple[int, int]  # straight and calibrated with 11 dB, as MicroPython sets it
    glitches_high: dict[int, str]  # at power-up, before any program runs
    glitches_low: dict[int, str]
    cpu_MHz: tuple[int, ...]
    modules: dict[str, dict[int, str]]  # what a module takes beside what its chip does


def _each(pins: Iterable[int], reason: str) -> dict[int, str]:
    return dict.fromkeys(pins, reason)


_FLASH = "carries the flash"
_PSRAM = "carries the PSRAM of an {}"

CHIPS = {
    "esp32": Chip(
        title="ESP32",
        source="Espressif, ESP32 Series Datasheet (pins, strapping pins, converters) and the GPIO"
        " page of ESP-IDF; the pulses of GPIO14 as seen on boards",
        pins=frozenset((*range(20), *range(21, 24), *range(25, 28), *range(32, 40))),
        taken={
            0: "is a strapping pin: low at reset starts the boot loader",
            2: "is a strapping pin: high at reset keeps the boot loader from starting",
            5: "is a strapping pin: it times the SDIO slave at reset, and pulses at power-up",
            12: "is a strapping pin: high at reset feeds the flash 1.8 V, and nothing starts",
            15: "is a strapping pin: low at reset silences the boot loader, and it pulses then",
            1: "is the console: TX of UART 0",
            3: "is the console: RX of UART 0",
            **_each(range(6, 12), _FLASH),
        },
        button=0,
        input_only=frozenset(range(34, 40)),
        converter_1=frozenset(range(32, 40)),
        converter_2=frozenset((0, 2, 4, 12, 13, 14, 15, 25, 26, 27)),
        converter_mV=(150, 2450),
        glitches_high={14: "sends a burst of pulses at power-up"},
        glitches_low={14: "sends a burst of pulses at power-up"},
        cpu_MHz=(80, 160, 240),
        modules={
            "ESP32-WROOM-32E": {},
            "ESP32-WROVER-E": _each((16, 17), _PSRAM.format("ESP32-WROVER-E")),
        },
    ),
    "esp32s3": Chip(
        title="ESP32-S3",
        source="Espressif, ESP32-S3 Series Datasheet v2.2: tables 2-1 pins, 2-2 power-up glitches,"
        " 2-14 flash and PSRAM, 3-1 strapping pins, 5-6 converters",
        pins=frozenset((*range(22), *range(26, 49))),
        taken={
            0: "is a strapping pin: low at reset starts the boot loader",
            3: "is a strapping pin: it chooses where JTAG is found",
            45: "is a strapping pin: high at reset feeds the flash 1.8 V, and nothing starts",
            46: "is a strapping pin: with GPIO0 it chooses what starts",
            19: "is USB D-: console and flashing",
            20: "is USB D+: console and flashing",
            43: "is the console: TX of UART 0",
            44: "is the console: RX of UART 0",
            **_each(range(26, 33), _FLASH),
        },
        button=0,
        input_only=frozenset(),
        converter_1=frozenset(range(1, 11)),
        converter_2=frozenset(range(11, 21)),
        converter_mV=(0, 2900),
        glitches_high={18: "is driven high for 60 us at power-up"},
        glitches_low=_each((*range(1, 15), 15, 16, 17, 18), "is driven low for 60 us at power-up"),
        cpu_MHz=(80, 160, 240),
        modules={
            "ESP32-S3-WROOM-1-N8": {},
            "ESP32-S3-WROOM-1-N8R8": _each(range(33, 38), _PSRAM.format("ESP32-S3-WROOM-1-N8R8")),
        },
    ),
}
