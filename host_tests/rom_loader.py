"""A chip in its ROM's boot loader, for the real esptool: `from rom_loader import RomLoader`.

At a socket, whose lines DTR and RTS nobody has: it waits in the loader from the beginning. It has
memory, registers and a flash, and keeps what it is told; esptool's stub is loaded into it and
then spoken to. Protocol: Espressif, "Serial Protocol" of esptool.
"""

import hashlib
import socket
import struct
import threading
import zlib

FLASH_bytes = 4 * 1024 * 1024
_END, _ESCAPE = 0xC0, 0xDB
_SYNC, _MEM_BEGIN, _MEM_END, _MEM_DATA = 0x08, 0x05, 0x06, 0x07
_WRITE_REG, _READ_REG, _SECURITY = 0x09, 0x0A, 0x14
_SET_PARAMS, _ATTACH, _BAUD, _MD5, _ERASE = 0x0B, 0x0D, 0x0F, 0x13, 0xD0
_DEFL_BEGIN, _DEFL_DATA, _DEFL_END = 0x10, 0x11, 0x12
_BEGIN, _END_FLASH = 0x02, 0x04
_MAGIC_REGISTER = 0x40001000  # tells an ESP32
_FLASH_ID = 0x1640EF  # of 4 MB


class RomLoader:
    """A chip (esp32 or esp32s3) at a URL, as a context manager.

    `flash`: its content; `erased`: how often all of it was. `spoils`: a byte of what is written
    comes out otherwise, as on a worn flash.
    """

    def __init__(self, chip="esp32", spoils=False):
        self.flash = bytearray(b"\x55" * FLASH_bytes)
        self.erased = 0
        self.commands = []
        self._chip = chip
        self._spoils = spoils
        self._stub = False
        self._registers = {_MAGIC_REGISTER: 0x00F01D83} if chip == "esp32" else {}
        self._registers[0x3FF40014] = 347  # the divider of 115200 baud at 40 MHz
        self._registers[0x3FF42080] = self._registers[0x60002058] = _FLASH_ID  # SPI_W0
        self._inflating = zlib.decompressobj()
        self._at = 0

    def __enter__(self):
        self._server = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        self.port = f"socket://127.0.0.1:{self._server.getsockname()[1]}"
        return self

    def __exit__(self, *_):
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(10)

    def _serve(self):
        while True:
            try:
                link = self._server.accept()[0]
            except OSError:
                return
            with link:
                frame, escaped = None, False
                while data := _received(link):
                    for byte in data:
                        if byte == _END:
                            if frame:
                                self._answer(link, bytes(frame))
                            frame = bytearray() if not frame else None
                        elif frame is not None:
                            if escaped:
                                frame.append({0xDC: _END, 0xDD: _ESCAPE}[byte])
                            elif byte != _ESCAPE:
                                frame.append(byte)
                            escaped = byte == _ESCAPE

    def _answer(self, link, frame):
        _, operation, size, _ = struct.unpack("<BBHI", frame[:8])
        data = frame[8:]
        assert len(data) == size
        self.commands.append(operation)
        value, said = self._obey(operation, data)
        if said is None:  # an error: not known
            status = b"\x01\x05"
            said = b""
        else:
            status = b"\x00\x00"
        tail = status if self._stub else status + b"\x00\x00"
        reply = struct.pack("<BBHI", 1, operation, len(said) + len(tail), value) + said + tail
        for _ in range(8 if operation == _SYNC else 1):
            link.sendall(_framed(reply))
        if operation == _MEM_END and not self._stub and data[4:] != b"\0\0\0\0":
            self._stub = True
            link.sendall(_framed(b"OHAI"))

    def _obey(self, operation, data):
        if operation == _SYNC:
            return (0 if self._stub else 0x20120707), b""
        if operation == _READ_REG:
            return self._registers.get(struct.unpack("<I", data)[0], 0), b""
        if operation == _WRITE_REG:
            return 0, b""
        if operation == _SECURITY and self._chip == "esp32s3":
            return 0, struct.pack("<I8xII", 0, 9, 0)
        if operation == _MD5 and self._stub:
            at, size = struct.unpack("<II", data[:8])
            return 0, hashlib.md5(self.flash[at : at + size]).digest()
        if operation == _ERASE and self._stub:
            self.flash[:] = b"\xff" * FLASH_bytes
            self.erased += 1
        elif operation == _DEFL_BEGIN:
            size, _, _, self._at = struct.unpack("<IIII", data[:16])
            self.flash[self._at : self._at + size] = b"\xff" * size
            self._inflating = zlib.decompressobj()
        elif operation == _DEFL_DATA:
            self._program(self._inflating.decompress(data[16:]))
        elif operation not in _QUIET:
            return 0, None
        return 0, b""

    def _program(self, plain):
        end = self._at + len(plain)
        self.flash[self._at : end] = plain
        if self._spoils and plain:
            self.flash[end - 1] ^= 1
        self._at = end


_QUIET = (_MEM_BEGIN, _MEM_DATA, _MEM_END, _SET_PARAMS, _ATTACH, _BAUD, _DEFL_END, _BEGIN)
_QUIET += (_END_FLASH,)


def _received(link):
    try:
        return link.recv(65536)
    except OSError:
        return b""


def _framed(data):
    escaped = data.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")
    return b"\xc0" + escaped + b"\xc0"
