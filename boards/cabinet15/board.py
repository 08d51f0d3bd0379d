"""What is wired where on the board cabinet15: an ESP32-DevKitC for up to 15 batteries. Data only.

The reason for each pin, and the hardware around it, is in README.md beside this file.
"""

from fifteen import *

NAME = "cabinet15"
CHIP = "esp32"
MODULES = ("ESP32-WROOM-32E", "ESP32-WROVER-E")  # either fits: the pins of both stay free
CPU_HZ = 240_000_000

# Buses: id, SCL, SDA, Hz, time-out in us (the port's driver waits in steps of 10 ms).
I2C_MONITORS = (0, 22, 21, 400_000, 20_000)
I2C_EXPANDERS = (1, 19, 18, 400_000, 20_000)

# Multiplexers: select lines common to both, lowest bit first, and the converter behind each.
MUX_SELECT = (4, 13, 14, 33)
MUX_ADC = (34, 35)

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
ADC_SUPPLY = 36  # the supply of the trip coils, through its divider

# The button BOOT of the DevKit, low while it is held: whoever holds it stands at the board.
PIN_BUTTON = 0
