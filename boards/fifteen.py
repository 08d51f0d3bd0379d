"""What is equal on the boards for fifteen batteries: everything behind the controller's pins."""

MAX_BATTERIES = 15

# Battery k is at place k-1, the busbar at the last.
MONITOR_ADDRESSES = tuple(range(0x40, 0x50))

# Relays: bit k-1 trips or holds breaker k, high = coil energised.
RELAY_EXPANDER = 0x20
RELAY_PINS = ()
RELAY_FAN_BIT = 15

# Contacts: (place in INPUT_EXPANDERS, bit) for batteries 1 .. 15, in AUX_A (52a) and AUX_B (52b)
# then the main breaker. A closed contact pulls its pin low. GPA7 and GPB7 (bits 7 and 15) can be
# outputs only.
INPUT_EXPANDERS = (0x21, 0x22, 0x23, 0x24)
_USABLE_BITS = (0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14)
AUX_A = tuple((0, bit) for bit in _USABLE_BITS) + ((2, 0), (2, 1))
AUX_B = tuple((3, bit) for bit in _USABLE_BITS) + ((2, 2), (2, 3))
BMS = tuple((1, bit) for bit in _USABLE_BITS) + ((2, 8),)

# The chain of the relays that supervise the trip circuits: (place in INPUT_EXPANDERS, bit).
TRIP_CIRCUIT = (2, 9)

# Thermistors: (multiplexer, input).
CONVERTERS = ()
TERMINAL_PLUS = tuple((0, k) for k in range(15))
TERMINAL_MINUS = tuple((1, k) for k in range(15))
REFERENCE = (0, 15)
AMBIENT = (1, 15)
EXCITATION_MV = 2200

# The supply of the trip coils comes through a divider by this much.
SUPPLY_DIVIDER = 23
