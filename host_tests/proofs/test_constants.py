"""A kernel's constants are of its own module; those that repeat another's have its value."""

import ast
import importlib

import pytest

from packwarden import compare, currents, decide, fixed, frame
from packwarden_host import sources

MODULES = sorted(
    path.removesuffix(".py").replace("/", ".")
    for path in sources.library()
    if not path.endswith("__init__.py")
)
REPEATED = ("BIAS", "NONE", "MASK", "OK", "ABSENT", "FROZEN", "OPEN", "SHORT", "ZERO", "MAIN_BIT")
REPEATED += ("ASIDE", "CARRYING", "RATED", "WINDOW_ms", "MEDIAN", "CARRY", "LEFT", "LEFT_AT")


def private_constants(source):
    """{name: value as source} of what a module binds by `_NAME = const(...)`."""
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            function, name = node.value.func, node.targets[0]
            if isinstance(function, ast.Name) and function.id == "const":
                if isinstance(name, ast.Name) and name.id.startswith("_"):
                    found[name.id] = ast.unparse(node.value.args[0])
    return found


def repeated(module):
    """(name, its value here, its value there) for each private constant that has a public one.

    The public one is that of the module itself, else of `fixed`, of `frame`, of `currents`.
    """
    with open(module.__file__) as file:
        constants = private_constants(file.read())
    for name, source in constants.items():
        for owner in (module, fixed, frame, currents):
            if hasattr(owner, name[1:]):
                yield name[1:], eval(source, vars(module)), getattr(owner, name[1:])
                break


@pytest.mark.parametrize("name", MODULES)
def test_a_repeated_constant_has_the_value_of_the_public_one(name):
    for constant, here, there in repeated(importlib.import_module(name)):
        assert here == there, constant


def test_repeated_constants_are_found():
    names = {
        constant for name in MODULES for constant, _, _ in repeated(importlib.import_module(name))
    }
    assert names >= set(REPEATED)


def test_what_changed_is_told_and_read_alike():
    assert decide._ITEM_BITS == compare._ITEM_BITS
    assert decide._ITEM == (1 << decide._ITEM_BITS) - 1


def test_only_private_constants_of_the_module_are_taken():
    source = "_A = const(1 << 2)\nB = const(3)\n_C = 4\ndef f():\n    _D = const(5)\n"
    assert private_constants(source) == {"_A": "1 << 2"}
