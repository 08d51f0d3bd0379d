"""The multiplexer pair: every address reaches its input, and a reading is the mean of four."""

from chips.register_model import Adc, Pin
from packwarden.chips.analog_mux import MuxPair


def fitted():
    """The pair, its select pins and its two ADC inputs with a voltage of their own per address."""
    pins = [Pin() for _ in range(4)]
    adcs = [Adc(pins, [n * 100_000 + 7_000 * k for k in range(16)]) for n in (0, 1)]
    return MuxPair(pins, adcs), pins, adcs


def test_the_address_is_put_on_the_select_lines_lowest_bit_first():
    mux, pins, _ = fitted()
    for address in (0, 1, 2, 4, 8, 5, 10, 15):
        mux.select(address)
        assert [pin.level for pin in pins] == [address >> i & 1 for i in range(4)]


def test_each_multiplexer_is_read_at_the_selected_input():
    mux, _, adcs = fitted()
    for address in range(16):
        mux.select(address)
        for n in (0, 1):
            adcs[n].reads = 0
            assert mux.read(n) == n * 1000 + 70 * address + 15  # mean of +0, 1, 2, 3 mV


def test_a_reading_is_rounded_to_a_tenth_of_a_millivolt():
    for uv, expected in ((0, 0), (49, 0), (50, 1), (149, 1), (150, 2), (2_450_000, 24_500)):
        adc = Adc([], [uv])
        mux = MuxPair([], [adc, adc])
        adc.read_uv = lambda uv=uv: uv
        assert MuxPair([], [adc, adc]).read(0) == expected
        assert mux.read(1) >= expected
