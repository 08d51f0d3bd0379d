"""What the board has and a host has not: the modules that the firmware imports, in virtual time.

`start` puts them in the place of the real ones while the firmware runs. They offer what this
firmware uses of MicroPython 1.29 on the ESP32, and no more.
"""
