"""Freezes Packwarden into a MicroPython of 1.29 or later, when its ESP32 port is built.

`make BOARD=ESP32_GENERIC_S3 FROZEN_MANIFEST=<this file>`; paths are relative to it. On the board a
module of the same name in the file system comes before a frozen one, except main.py.
"""

include("$(PORT_DIR)/boards/manifest.py")
package("packwarden", base_path="../../lib")
freeze("../../firmware")
module("board.py")
module("fifteen.py", base_path="..")
