"""What is wired where on the board cabinet4: an ESP32-DevKitC for up to 4 batteries. Data only.

The reason for each pin, and the hardware around it, is in README.md beside this file.
"""

NAME = "cabinet4"
CHIP = "esp32"
MODULES = ("ESP32-WROOM-32E",)  # not a WROVER: two relays are on its PSRAM's pins
CPU_HZ = 240_000_000
MAX_BATTERIES = 4

# Buses: id, SCL, SDA, Hz, time-out in us (the port's driver waits in steps of 10 ms).
I2C_MONITORS = (0, 22, 21, 400_000, 20_000)
I2C_EXPANDERS = (1, 19, 18, 400_000, 20_000)

# Battery k is at place k-1, the busbar at the last.
MONITOR_ADDRESSES = (0x40, 0x41, 0x42, 0x43, 0x44)

# Relays on pins: bit k-1 trips or holds breaker k, high = coil energised.
RELAY_EXPANDER = None
RELAY_PINS = (16, 17, 4, 13, 33)
RELAY_FAN_BIT = 4

# Contacts: (place in INPUT_EXPANDERS, bit) for batteries 1 .. 4, in AUX_A (52a) then the main
# breaker. A closed contact pulls its pin low. 52b is not wired.
INPUT_EXPANDERS = (0x20,)
AUX_A = ((0, 0), (0, 1), (0, 2), (0, 3), (0, 4))
AUX_B = ()
BMS = ((0, 8), (0, 9), (0, 10), (0, 11))

# The chain of the relays that supervise the trip circuits: (place in INPUT_EXPANDERS, bit).
TRIP_CIRCUIT = (0, 5)

# Thermistors: (place in CONVERTERS, input). Both terminals of a battery are on different ones.
MUX_SELECT = ()
MUX_ADC = ()
CONVERTERS = (0x48, 0x49, 0x4A)
TERMINAL_PLUS = ((0, 0), (0, 1), (0, 2), (0, 3))
TERMINAL_MINUS = ((1, 0), (1, 1), (1, 2), (1, 3))
REFERENCE = (2, 0)
AMBIENT = (2, 1)
EXCITATION_MV = 2200

# Outputs on pins of their own, all high = relay energised.
PIN_MAIN_TRIP = 23
PIN_ALARM = 27  # energised in health
PIN_CHARGE = 25  # energised = charging allowed
PIN_DISCHARGE = 26  # energised = discharging allowed

# Outputs that are energised by a low level: names of pins ("main", "alarm", "charge",
# "discharge"), and a mask of bits of RELAY_PINS. It is here and not in the configuration, for the
# first breath of the board comes before that is read.
ACTIVE_LOW_PINS = ()
ACTIVE_LOW_RELAYS = 0

# Inputs on pins of their own. The external trip contact pulls its pin low while closed; ALERT is
# the open drain of all monitors, low while one of them is beyond its own limits.
PIN_EXTERNAL_TRIP = 32
PIN_ALERT = 39
ADC_SUPPLY = 36  # the supply of the trip coils, through its divider
SUPPLY_DIVIDER = 23

# The button BOOT of the DevKit, low while it is held: whoever holds it stands at the board.
PIN_BUTTON = 0
