"""Mutation testing of the elements and breakers: `make mutants`, or `python host_tests/mutants.py
breakers openings` for some of the modules.

A mutant is a module with one small change, made by Cosmic Ray's operators and `DeleteStatement`;
the module's tests have to fail with it. One that survives stands in mutants.toml, with the reason
why no test can tell it from the original, or need not. An error is: a survivor that is not listed,
one listed that is none, less than 90 % of a module's mutants killed.

The tree is copied first and may be edited meanwhile. pytest collects its tests once; each mutant
is a forked process that changes one function in its memory and runs the tests that reach the
changed line, the fastest first. Whatever is interrupted leaves no changed source behind.
"""

import ast
import importlib
import os
import pickle
import re
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections import Counter
from pathlib import Path

import coverage
import hypothesis
import pytest
from _pytest.runner import runtestprotocol
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator
from parso.python.tree import Keyword

ROOT = Path(__file__).parents[1]
LISTED = Path(__file__).with_name("mutants.toml")
LEAST_PERCENT = 90
WORKERS = len(os.sched_getaffinity(0))

# The test files of host_tests/lib that hold a module.
TESTS = {
    "breakers": "breakers breakers_coils breakers_contacts breakers_limits",
    "openings": "openings breaker_failure",
    "compare": "compare",
    "decide": "decide decide_order decide_outputs decide_overload decide_rows openings"
    " breaker_failure records",
    "rows": "rows records",
    "lockout": "lockout lockout_memory lockout_reasons operations",
    "cascade": "cascade",
    "currents": "currents shares_kernels",
    "medians": "medians shares quantities",
    "shares": "shares_kernels",
    "voltages": "voltages",
    "curves": "curves",
}
ONLY = {"curves": "integrate"}  # of this module this function; what makes tables runs at boot

OPERATORS = [
    "AddNot",
    "NumberReplacer",
    "ReplaceAndWithOr",
    "ReplaceBreakWithContinue",
    "ReplaceContinueWithBreak",
    "ReplaceFalseWithTrue",
    "ReplaceOrWithAnd",
    "ReplaceTrueWithFalse",
    "ZeroIterationForLoop",
    "ReplaceBinaryOperator_Add_Sub",
    "ReplaceBinaryOperator_Sub_Add",
    "ReplaceBinaryOperator_Mul_FloorDiv",
    "ReplaceBinaryOperator_FloorDiv_Mul",
    "ReplaceBinaryOperator_Mod_FloorDiv",
    "ReplaceBinaryOperator_LShift_RShift",
    "ReplaceBinaryOperator_RShift_LShift",
    "ReplaceBinaryOperator_BitAnd_BitOr",
    "ReplaceBinaryOperator_BitOr_BitAnd",
    "ReplaceBinaryOperator_BitXor_BitOr",
    "ReplaceComparisonOperator_Eq_NotEq",
    "ReplaceComparisonOperator_NotEq_Eq",
    "ReplaceComparisonOperator_Lt_LtE",
    "ReplaceComparisonOperator_Lt_GtE",
    "ReplaceComparisonOperator_LtE_Lt",
    "ReplaceComparisonOperator_LtE_Gt",
    "ReplaceComparisonOperator_Gt_GtE",
    "ReplaceComparisonOperator_Gt_LtE",
    "ReplaceComparisonOperator_GtE_Gt",
    "ReplaceComparisonOperator_GtE_Lt",
    "ReplaceComparisonOperator_Is_IsNot",
    "ReplaceComparisonOperator_IsNot_Is",
    "ReplaceUnaryOperator_Delete_Invert",
    "ReplaceUnaryOperator_Delete_Not",
    "ReplaceUnaryOperator_Delete_USub",
]

# Left out. Outside of functions only times, limits and counts are mutated: the number of a place
# in an array, or of a state, may be any; that modules agree on it is proven elsewhere. An array
# may be too long. That a loop never ends is noticed without a test. Negating a comparison, or what
# is negated, is another operator's.
_FIGURE = re.compile(r"(\w+_m[sAV]|PROOFS|_MOST) = ")
_PLACE = re.compile(r"[A-Z]\w+_m[sAV] = const\(1?\d\)")
_SIZE = re.compile(r"= (ints|bytearray|array)\(")
_STEP = re.compile(r"\w+ \+= 1$")
_NEGATED = ("comparison", "not_test")
_COMMENT = re.compile(r"  # .*")

PYTEST = "-qq -s -p no:cacheprovider -p _hypothesis_pytestplugin --hypothesis-profile=mutants"


class DeleteStatement(Operator):
    """Deletes a call, an `x += y`, an assignment to what outlives the function."""

    def mutation_positions(self, node):
        if node.type == "expr_stmt":
            target, sign = node.children[:2]
            if target.type == "atom_expr" or sign.get_code().strip() != "=":
                yield (node.start_pos, node.end_pos)
        elif node.type == "atom_expr" and node.parent.type == "simple_stmt":
            yield (node.start_pos, node.end_pos)

    def mutate(self, node, index):
        return Keyword("pass", node.start_pos, node.get_first_leaf().prefix)

    @classmethod
    def examples(cls):
        return ()


def alike(one, other):
    """Return with how many equal items two sequences begin."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def functions(source):
    """Return for each line of a source, from 0, the name of the function it is in, or ""."""
    names = [""] * (len(source.splitlines()) + 1)

    def enter(node, above):
        for inner in ast.iter_child_nodes(node):
            if isinstance(inner, ast.FunctionDef):
                for line in range(inner.lineno, inner.end_lineno + 1):
                    names[line] = above + inner.name
            if isinstance(inner, (ast.FunctionDef, ast.ClassDef)):
                enter(inner, f"{above}{inner.name}.")

    enter(ast.parse(source), "")
    return names


def left_out(operator, node, line, function):
    """Return whether a mutant is left out, by the name of its operator and by its line."""
    if operator == "AddNot":
        return node.children[2 if node.type == "test" else 1].type in _NEGATED
    if operator == "DeleteStatement":
        return not function or function.endswith("__init__") or _STEP.match(line) is not None
    if operator == "NumberReplacer" and _SIZE.search(line):
        return True
    return not function and (not _FIGURE.match(line) or _PLACE.match(line) is not None)


def places(module, source):
    """Return [(line, operator's name, operator, occurrence)] of a module's mutants."""
    tree = get_ast(source)
    within = functions(source)
    lines = ["", *source.splitlines()]
    operators = {name: get_operator(f"core/{name}")() for name in OPERATORS}
    operators["DeleteStatement"] = DeleteStatement()
    found = []
    for name, operator in operators.items():
        nodes = [n for n in ast_nodes(tree) for _ in operator.mutation_positions(n)]
        for occurrence, node in enumerate(nodes):
            line = node.start_pos[0]
            if within[line] == ONLY.get(module, within[line]):
                if not left_out(name, node, lines[line].strip(), within[line]):
                    found.append((line, name, operator, occurrence))
    return sorted(found, key=lambda place: place[:2])


def mutants(module, source):
    """Yield (name, line, source) of a module's mutants; name: `function: old line -> new line`."""
    within = functions(source)
    before = source.splitlines()
    seen = Counter()
    for line, _, operator, occurrence in places(module, source):
        mutated = mutate_code(source, operator, occurrence)
        after = mutated.splitlines()
        head = alike(before, after)
        tail = alike(before[head:][::-1], after[head:][::-1])
        old, new = (
            " ".join(_COMMENT.sub("", text).strip() for text in lines[head : len(lines) - tail])
            for lines in (before, after)
        )
        name = f"{module}.{within[line]}: {old} -> {new}"
        seen[name] += 1
        yield (name if seen[name] == 1 else f"{name} ({seen[name]})"), line, mutated


def put(module, source, line):
    """Replace the function, or the figure, of a line by that of a changed source."""
    loaded = importlib.import_module(f"packwarden.{module}")
    changed = {"__name__": loaded.__name__}
    exec(compile(source, loaded.__file__, "exec"), changed)
    function = functions(source)[line]
    if function:
        old, new = (find(namespace, function) for namespace in (vars(loaded), changed))
        old.__code__, old.__defaults__ = new.__code__, new.__defaults__
    else:
        name = source.splitlines()[line - 1].split()[0]
        setattr(loaded, name, changed[name])


def find(namespace, dotted):
    """Return a function, a method or what reads a property."""
    first, *rest = dotted.split(".")
    found = namespace[first]
    for name in rest:
        found = vars(found)[name]
    return getattr(found, "fget", found)


def passes(items):
    """Yield for each test whether it passes, None if it says itself that it does not."""
    for item, following in zip(items, [*items[1:], None], strict=True):
        reports = runtestprotocol(item, log=False, nextitem=following)
        yield False if any(r.failed for r in reports) else all(r.passed for r in reports) or None


def fork(work):
    """Call `work` in a process without output; return its id. It ends with what `work` returns."""
    pid = os.fork()
    if pid == 0:
        code = 3
        try:
            null = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(null, stream)
            code = work()
        finally:
            os._exit(code)
    return pid


def survey(items, modules):
    """Run each test; return {test: seconds} and {module: {line: tests}} of those that pass."""
    took_s = {}
    failed = []
    files = {module: sys.modules[f"packwarden.{module}"].__file__ for module in modules}
    tracer = coverage.Coverage(data_file=None, config_file=False, include=list(files.values()))
    tracer.start()
    outcomes = passes(items)
    for item in items:
        tracer.switch_context(item.nodeid)
        began = time.process_time()
        outcome = next(outcomes)
        if outcome:
            took_s[item.nodeid] = time.process_time() - began
        elif outcome is False:
            failed.append(item.nodeid)
    tracer.stop()
    data = tracer.get_data()
    lines = {module: data.contexts_by_lineno(file) for module, file in files.items()}
    return took_s, lines, failed


def run(items, took_s, module, line, source):
    """Run tests with a mutant: 0 if it survives them all, else 1 and a file with its killer."""
    put(module, source, line)
    outcomes = passes(items)
    for item in items:
        # A test that takes much longer is in a loop: the signal ends the process.
        signal.setitimer(signal.ITIMER_VIRTUAL, 1 + 5 * took_s[item.nodeid])
        if not next(outcomes):
            Path(str(os.getpid())).write_text(item.nodeid)
            return 1
    return 0


class Runner:
    """The plug-in of pytest that runs mutants instead of the tests that were collected."""

    def __init__(self, modules, listed):
        self.modules = modules
        self.listed = listed
        self.good = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        if session.testsfailed:
            return None
        began = time.monotonic()

        def work():
            Path("survey").write_bytes(pickle.dumps(survey(session.items, self.modules)))
            return 0

        fork(work)
        os.wait()
        self.took_s, self.lines, failed = pickle.loads(Path("survey").read_bytes())
        if failed:
            pytest.exit("fails without a mutant: " + " ".join(failed), 1)
        print(f"{len(self.took_s)} tests, {time.monotonic() - began:.0f} s", flush=True)
        self.items = [item for item in session.items if item.nodeid in self.took_s]
        for module in self.modules:
            self.good &= self.judge(module, *self.survivors(module))
        return True

    def tests(self, module, line, kills):
        """Return the tests of a module that reach a line, or all if none is known to.

        The fastest are first; one that has killed counts as that many times as fast.
        """
        files = {f"test_{name}.py" for name in TESTS[module].split()}
        reach = set(self.lines[module].get(line, ()))
        own = [item for item in self.items if item.path.name in files]
        found = [item for item in own if item.nodeid in reach] or own
        return sorted(found, key=lambda i: self.took_s[i.nodeid] / (1 + 10 * kills[i.nodeid]))

    def survivors(self, module):
        """Run a module's mutants; return how many there are, and the names of those that live."""
        source = Path(f"lib/packwarden/{module}.py").read_text()
        total = len(places(module, source))
        kills = Counter()
        running = {}
        alive = []
        began = time.monotonic()

        def finish():
            pid, status = os.wait()
            name = running.pop(pid)
            code = os.waitstatus_to_exitcode(status)
            if code == 0:
                alive.append(name)
                print("  alive: " + name, flush=True)
            elif code == 1:
                kills[Path(str(pid)).read_text()] += 1
            elif code != -signal.SIGVTALRM:
                pytest.exit(f"{name}: its process ended with {code}", 1)

        try:
            for number, (name, line, mutated) in enumerate(mutants(module, source)):
                items = self.tests(module, line, kills)
                pid = fork(lambda: run(items, self.took_s, module, line, mutated))  # noqa: B023
                running[pid] = name
                if len(running) == WORKERS:
                    finish()
                if sys.stdout.isatty():
                    print(f"\r{module}: {number} of {total}, {len(alive)} alive", end="\r")
            while running:
                finish()
        finally:
            for pid in running:
                os.kill(pid, signal.SIGKILL)
        return total, alive, time.monotonic() - began

    def judge(self, module, total, alive, took_s):
        """Print a module's rate and what is wrong with it; return whether nothing is."""
        killed = 100 * (total - len(alive)) / total
        print(f"{module:10} {total:4} mutants, {killed:5.1f} % killed, {took_s:4.0f} s")
        listed = [name for name in self.listed if name.startswith(f"{module}.")]
        wrong = [f"survives, not listed: {name}" for name in alive if name not in listed]
        wrong += [f"listed, does not survive: {name}" for name in listed if name not in alive]
        if killed < LEAST_PERCENT:
            wrong.append(f"less than {LEAST_PERCENT} % are killed")
        for text in wrong:
            print("  " + text)
        sys.stdout.flush()
        return not wrong


def main(modules):
    """Run the mutants of some modules, of all without a name; return the exit code."""
    groups = tomllib.loads(LISTED.read_text())["alive"]
    runner = Runner(modules or TESTS, [name for group in groups for name in group["mutants"]])
    # Few examples, the same in each run; a failing one is not made smaller.
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile(
        "mutants", deadline=None, derandomize=True, database=None, max_examples=20, phases=phases
    )
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.dont_write_bytecode = True
    with tempfile.TemporaryDirectory() as copy:
        for folder in ("boards", "firmware", "host_tests", "lib", "tools"):
            shutil.copytree(ROOT / folder, Path(copy, folder))
        shutil.copy(ROOT / "pyproject.toml", copy)
        os.chdir(copy)
        sys.path[:0] = [str(Path(copy, name)) for name in ("lib", "tools/cpython", "tools")]
        for module in TESTS:
            importlib.import_module(f"packwarden.{module}")
        names = {name for module in runner.modules for name in TESTS[module].split()}
        files = [f"host_tests/lib/test_{name}.py" for name in sorted(names)]
        code = pytest.main([*PYTEST.split(), *files], [runner])
        os.chdir(ROOT)
    return code or (0 if runner.good else 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
