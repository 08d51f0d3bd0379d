"""CPython's stand-in for the module `micropython`: what lib/ and firmware/ use, doing nothing.

Importing it also supplies viper's pointer casts as builtins. A cast gives back the array itself:
items of an array('i') are signed here and unsigned on a 64-bit VM, so kernels store none below 0.
"""

import builtins


def const(value):
    """Return the value: the MicroPython compiler folds it, CPython has nothing to fold."""
    return value


def viper(function):
    """Return the function as it is: the bits must be the same without the compiler."""
    return function


def native(function):
    """Return the function as it is."""
    return function


def heap_lock():
    """Lock nothing; the proof that a tick allocates nothing is made in the VM."""


def heap_unlock():
    """Unlock nothing."""


def kbd_intr(char):
    """Leave the console's interrupt character as it is."""


def alloc_emergency_exception_buf(size):
    """Reserve nothing."""


for _name in ("ptr8", "ptr16", "ptr32"):
    setattr(builtins, _name, lambda buffer: buffer)
