"""What things cost in time on the board: AN ASSUMPTION, not a measurement.

ESP32 at 240 MHz with MicroPython 1.29, not yet checked against a board (`packwarden bench
--port` will). All figures in microseconds unless the name says otherwise. Only relations
matter to protection: does a tick's work fit into the tick, what does a hung bus cost.
"""

# Second-stage boot loader, flash mapping and MicroPython's own start before main.py runs.
BOOT_US = 300_000

# One I2C call through MicroPython and the IDF driver besides the wire: argument parsing,
# command list, interrupt and semaphore hand-over. Seen values lie between 30 and 60.
I2C_DRIVER_US = 40
# The error path of a refused address: the transaction is torn down and an exception raised.
I2C_NACK_US = 30
# Taking the peripheral off its pins and putting it there anew, driver and all.
I2C_INIT_US = 300
# The driver waits in FreeRTOS ticks (100 Hz), so a timeout is rounded up to these.
I2C_SCHEDULER_US = 10_000

# A calibrated single conversion: lock, SAR conversion, two table look-ups, the call.
ADC_READ_US = 50
# Setting or reading a pin through the GPIO matrix from bytecode.
PIN_US = 2
# ticks_ms(), ticks_us(): also what makes a loop that only polls the clock end.
TICKS_US = 2

# The step's own computation (validate .. decide) and the executive around it, charged once
# per tick when the watchdog is fed: a fixed part and a part per battery. Bytecode on the
# ESP32 is taken as 40 to 100 times slower than on the host, viper kernels as 20 times.
STEP_US = 800
STEP_BATTERY_US = 140

# Condition monitoring, in the slack, for a battery: looking at each tick; its pieces of a second;
# the block that its joints have every two minutes, with what is compared then. A hundred times
# what the 64-bit VM takes (0.9, 4 x 15 and 20 x 15 us with 15 batteries). The simulation does not
# charge them: they end where they do not fit, and a tick never waits for them.
CONDITION_TICK_US = 6
CONDITION_SECOND_US = 400
CONDITION_BLOCK_US = 2_000
_BLOCK_S = 120

# Mark and sweep over about 110 KB of heap, and counting what is free; reports for such boards lie
# between 4 and 10 ms.
GC_US = 6_000

# 115200 baud, 8N1: ten bits a byte; stdout blocks once the small FIFO is full.
CONSOLE_BYTE_US = 87

# One commit of the NVS: a page's entries are written, both cores stand still meanwhile. An erase,
# which one in some hundred needs, takes longer.
NVS_COMMIT_US = 20_000

# A file in littlefs: finding and opening it, which reads the directory; closing one that was
# written, which has erased a sector (45 ms), programmed up to 4 KB of it (0.4 to 3 ms a page of
# 256 bytes) and written an entry of the directory; renaming or removing, which writes an entry.
FILE_OPEN_US = 1_000
FILE_COMMIT_US = 60_000
# A block of it that is full before the file is closed: erased and programmed.
FILE_BLOCK_US = 55_000
BLOCK_BYTES = 4_096
FILE_CHANGE_US = 5_000

# Hashing all files of the image: 81, compiled 180 KB in all, at 1 MB/s. The simulated board
# has their source, which is longer; what it costs does not depend on that.
IMAGE_US = 260_000
# The same piece by piece, later: so many bytes in a microsecond.
HASH_BYTES = 1

# After the select lines moved, the thermistor's source resistance (at most 4.7 kohm and the
# mux) has to charge the filter of the ADC pin (22 nF): five time constants, rounded up.
MUX_SETTLE_US = 1_000

# The RTC's RC oscillator, as the IDF finds it at boot.
SLOW_HZ = 150_000

# Breakers: from the energised coil to open contacts (interposing relay 10 to 15 ms, release
# 30 to 60 ms); the impulse a shunt trip needs; what hold-up hardware bridges at a reset.
BREAKER_TRAVEL_US = 40_000
BREAKER_PULSE_US = 20_000
HOLD_UP_US = 3_000_000
# How long ALERT is low before the latch behind it trips the main breaker.
ALERT_LATCH_US = 300_000


def i2c_wire(freq_hz, longest=8):
    """Time on the wire of a transaction by its number of data bytes (0..longest), a tuple in us.

    Start, stop, and nine bits for the address and for each byte.
    """
    return tuple((2 + 9 * (1 + n)) * 1_000_000 // freq_hz for n in range(longest + 1))


def i2c_timeout(timeout_us):
    """Time in us that a transaction on a hung bus takes before the driver gives up."""
    ticks = (timeout_us + I2C_SCHEDULER_US - 1) // I2C_SCHEDULER_US
    return max(ticks, 1) * I2C_SCHEDULER_US


def step_cost(batteries):
    """Computing time of one control step for a bank of `batteries`, in us."""
    return STEP_US + STEP_BATTERY_US * batteries


def condition_cost(batteries, tick_ms):
    """Computing time of the condition monitoring in the slack of a tick, on the mean, in us."""
    each_s = CONDITION_SECOND_US + CONDITION_BLOCK_US // _BLOCK_S
    return batteries * (CONDITION_TICK_US + each_s * tick_ms / 1000)
