"""What is wired where on the board cabinet15_s3: cabinet15 with an ESP32-S3-DevKitC-1. Data only.

The reason for each pin, and the hardware around it, is in README.md beside this file.
"""

from fifteen import *

NAME = "cabinet15_s3"
CHIP = "esp32s3"
MODULES = ("ESP32-S3-WROOM-1-N8", "ESP32-S3-WROOM-1-N8R8")  # either fits
CPU_HZ = 240_000_000

# Buses: id, SCL, SDA, Hz, time-out in us (the port's driver waits in steps of 10 ms).
I2C_MONITORS = (0, 9, 8, 400_000, 20_000)
I2C_EXPANDERS = (1, 12, 11, 400_000, 20_000)

# Multiplexers: select lines common to both, lowest bit first, and the converter behind each.
MUX_SELECT = (13, 14, 15, 16)
MUX_ADC = (4, 5)

# Outputs on pins of their own, all high = relay energised.
PIN_MAIN_TRIP = 21
PIN_ALARM = 47  # energised in health
PIN_CHARGE = 1  # energised = charging allowed
PIN_DISCHARGE = 2  # energised = discharging allowed

# Outputs that are energised by a low level: see ../cabinet15/board.py. Here none on a pin that is
# pulled low at power-up: 1 and 2 are.
ACTIVE_LOW_PINS = ()
ACTIVE_LOW_RELAYS = 0

# Inputs on pins of their own. The external trip contact pulls its pin low while closed; ALERT is
# the open drain of all monitors, low while one of them is beyond its own limits.
PIN_EXTERNAL_TRIP = 7
PIN_ALERT = 10
ADC_SUPPLY = 6  # the supply of the trip coils, through its divider

# The button BOOT of the DevKit, low while it is held: whoever holds it stands at the board.
PIN_BUTTON = 0
