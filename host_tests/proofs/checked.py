"""A copy of the library whose integers raise where those of a 32-bit board would not fit.

`Small` is the integer: a result outside -2^30 .. 2^30-1, or a float, raises. `Memory` is the
array: what is stored must be 0 .. 2^30-1, for a 64-bit viper kernel loads without a sign, and a
place must exist, for a kernel checks none. `protection` makes a Protection of both.
"""

import importlib
import operator
import sys
from contextlib import contextmanager
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import ModuleType

LIMIT = 1 << 30
PACKAGE = "packwarden"

_BINARY = ("add", "sub", "mul", "floordiv", "mod", "lshift", "rshift", "and", "or", "xor")
_UNARY = ("neg", "pos", "abs", "invert")
_REFUSED = ("truediv", "pow", "divmod", "matmul")


class OutOfRange(Exception):
    """An integer that is no small integer on the board, or cannot be loaded from an array."""


class OutOfBounds(Exception):
    """A place outside an array."""


class Small(int):
    """An integer within -2^30 .. 2^30-1; an operation that leaves this range raises OutOfRange."""

    def __new__(cls, value=0):
        if not -LIMIT <= value < LIMIT:
            raise OutOfRange(value)
        return int.__new__(cls, value)

    def __deepcopy__(self, memo):
        return self


def _checked(name):
    operation = getattr(int, name)

    def method(self, *other):
        value = operation(self, *other)
        if value is NotImplemented or not -LIMIT <= value < LIMIT:
            raise OutOfRange(name, int(self), *other)
        return int.__new__(Small, value)

    return method


def _refused(name):
    def method(self, *other):
        raise OutOfRange(name, int(self), *other)

    return method


for _name in _BINARY:
    setattr(Small, f"__{_name}__", _checked(f"__{_name}__"))
    setattr(Small, f"__r{_name}__", _checked(f"__r{_name}__"))
for _name in _UNARY:
    setattr(Small, f"__{_name}__", _checked(f"__{_name}__"))
for _name in _REFUSED:
    setattr(Small, f"__{_name}__", _refused(f"__{_name}__"))
    setattr(Small, f"__r{_name}__", _refused(f"__r{_name}__"))


class Memory(dict):
    """Stands in for an array: places 0 .. length-1. A dictionary knows no place -1."""

    def __init__(self, kind, values):
        self._kind = kind
        self._limit = {"B": 1 << 8, "H": 1 << 16, "i": LIMIT}[kind]
        super().__init__((place, self._stored(value)) for place, value in enumerate(values))

    def __missing__(self, place):
        raise OutOfBounds(place)

    def __setitem__(self, place, value):
        if place not in self:
            raise OutOfBounds(place)
        super().__setitem__(place, self._stored(value))

    def __deepcopy__(self, memo):
        return memo.setdefault(id(self), Memory(self._kind, self.values()))

    def _stored(self, value):
        if not 0 <= operator.index(value) < self._limit:
            raise OutOfRange("stored", value)
        return int.__new__(Small, value)


@contextmanager
def _library_apart():
    """Import the library anew in here, with arrays of ours; leave everybody else's as it was."""
    importlib.import_module("array")
    names = [name for name in sys.modules if _is_ours(name)]
    theirs = {name: sys.modules.pop(name) for name in [*names, "array"]}
    sys.modules["array"] = ModuleType("array")
    sys.modules["array"].array = Memory
    try:
        yield
    finally:
        for name in [name for name in sys.modules if _is_ours(name)]:
            del sys.modules[name]
        sys.modules.update(theirs)


def _is_ours(name):
    return name == PACKAGE or name.startswith(f"{PACKAGE}.")


def _import_changed(name, old, new):
    """Import a module with one piece of its source replaced; it must be there exactly once."""
    spec = find_spec(name)
    source = Path(spec.origin).read_text()
    assert source.count(old) == 1, f"{name} has {source.count(old)} times: {old}"
    module = sys.modules[name] = module_from_spec(spec)
    exec(compile(source.replace(old, new), spec.origin, "exec"), vars(module))


def protection(config, change=None):
    """Return a Protection of small integers only. `change`: (module, old source, new source)."""
    with _library_apart():
        if change:
            _import_changed(f"{PACKAGE}.{change[0]}", *change[1:])
        made = importlib.import_module(f"{PACKAGE}.protection").Protection(config)
        for module in [module for name, module in sys.modules.items() if _is_ours(name)]:
            _harden(module)
            module.int = Small
    for part in (made, *vars(made).values(), made.decider.slots):
        if _is_ours(type(part).__module__):
            _harden(part)
    return made


def life(batteries, rated_mA, seed, change=None):
    """Return an `estimates.Life` of small integers only. `change`: as of `protection`."""
    with _library_apart():
        if change:
            _import_changed(f"{PACKAGE}.condition.{change[0]}", *change[1:])
        theirs = sys.modules.pop("estimates", None)  # the firmware has one of that name
        module = importlib.import_module("estimates")
        del sys.modules["estimates"]
        if theirs:
            sys.modules["estimates"] = theirs
        made = module.Life(batteries, rated_mA, seed)
        for each in [module for name, module in sys.modules.items() if _is_ours(name)]:
            _harden(each)
            each.int = Small
        _harden(module)
        module._LOOKS = int(module._LOOKS)
    nested = made.resistances.steps, made.resistances.links
    for part in (made, *vars(made).values(), *nested):
        if _is_ours(type(part).__module__) or part is made:
            _harden(part)
    made.batteries = int(made.batteries)
    return made


def _harden(owner):
    """Make small integers of what a module or an object holds. After boot, which computes big."""
    for name, value in list(vars(owner).items()):
        if type(value) is int and -LIMIT <= value < LIMIT:
            setattr(owner, name, Small(value))
