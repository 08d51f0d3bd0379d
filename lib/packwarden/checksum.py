"""The checksum of what is kept over a restart."""


def crc16(buffer, end):
    """Return 16 bits (CRC-16/CCITT-FALSE) over the first `end` bytes. Allocates nothing."""
    crc = 0xFFFF
    for place in range(end):
        crc ^= buffer[place] << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        crc &= 0xFFFF
    return crc
