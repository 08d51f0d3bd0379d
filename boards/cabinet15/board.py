"""What is wired where on the board cabinet15: an ESP32-DevKitC for up to 15 batteries. Data only.

The reason for each pin, and the hardware around it, is in README.md beside this file.
"""

NAME = "cabinet15"
CHIP = "esp32"
MODULES = ("ESP32-WROOM-32E", "ESP32-WROVER-E")  # either fits: the pins of both stay free
CPU_HZ = 240_000_000
MAX_BATTERIES = 15

# Buses: id, SCL, SDA, Hz, time-out in us (the port's driver waits in steps of 10 ms).
I2C_MONITORS = (0, 22, 21, 400_000, 20_000)
I2C_EXPANDERS = (1, 19, 18, 400_000, 20_000)

# Battery k is at place k-1, the busbar at the last.
MONITOR_ADDRESSES = tuple(range(0x40, 0x50))

# Relays: bit k-1 trips or holds breaker k, high = coil energised.
RELAY_EXPANDER = 0x20
RELAY_FAN_BIT = 15

# Contacts: (place in INPUT_EXPANDERS, bit) for batteries 1 .. 15, in AUX_A (52a) and AUX_B (52b)
# then the main breaker. A closed contact pulls its pin low. GPA7 and GPB7 (bits 7 and 15) can be
# outputs only.
INPUT_EXPANDERS = (0x21, 0x22, 0x23, 0x24)
_USABLE_BITS = (0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14)
AUX_A = tuple((0, bit) for bit in _USABLE_BITS) + ((2, 0), (2, 1))
AUX_B = tuple((3, bit) for bit in _USABLE_BITS) + ((2, 2), (2, 3))
BMS = tuple((1, bit) for bit in _USABLE_BITS) + ((2, 8),)

# Thermistors: (multiplexer, input); select lines common to both, lowest bit first.
MUX_SELECT = (4, 13, 14, 33)
MUX_ADC = (34, 35)
TERMINAL_PLUS = tuple((0, k) for k in range(15))
TERMINAL_MINUS = tuple((1, k) for k in range(15))
REFERENCE = (0, 15)
AMBIENT = (1, 15)
EXCITATION_MV = 2200

# Outputs on pins of their own, all high = relay energised.
PIN_MAIN_TRIP = 23
PIN_ALARM = 27  # energised in health
PIN_CHARGE = 25  # energised = charging allowed
PIN_DISCHARGE = 26  # energised = discharging allowed

# Outputs that are energised by a low level: relay modules with optocouplers often are. Names of
# pins ("main", "alarm", "charge", "discharge"), and a mask of bits of the relay expander. It is
# here and not in the configuration, for the first breath of the board comes before that is read.
ACTIVE_LOW_PINS = ()
ACTIVE_LOW_RELAYS = 0

# Inputs on pins of their own. The external trip contact pulls its pin low while closed; ALERT is
# the open drain of all monitors, low while one of them is beyond its own limits.
PIN_EXTERNAL_TRIP = 32
PIN_ALERT = 39

# The button BOOT of the DevKit, low while it is held: whoever holds it stands at the board.
PIN_BUTTON = 0

# The chain of the relays that supervise the trip circuits: (place in INPUT_EXPANDERS, bit).
TRIP_CIRCUIT = (2, 9)

# The supply of the trip coils, through a divider by this much.
ADC_SUPPLY = 36
SUPPLY_DIVIDER = 23
