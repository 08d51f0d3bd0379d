"""The study of joints in short: the arrays give the board's bits, and what has to hold does."""

from array import array
from itertools import chain

import numpy as np

from packwarden.condition.joints import Joints
from packwarden.fixed import BIAS, ints
from study import runs, tables
from study.__main__ import PAGE
from study.cabinet import RATED_A, Cabinet, STEP_s
from study.many import Many


def boards(cabinet, joints, values, day):
    """Feed a day to the board's estimator; return `sure` after each block."""
    n = cabinet.batteries
    frames = (np.hstack(day[:2]) + BIAS).tolist()
    found = []
    for frame in frames:
        values[:n] = array("i", frame[:n])
        values[2 * n + 1 : 4 * n + 1] = array("i", frame[n:])
        if [k for k in range(n) if joints.step(k, STEP_s)]:
            for k in range(n):
                joints.take(k)
            for memory in range(2):
                joints.judge(memory)
            found.append(list(joints.sure))
    return found


def test_many_banks_at_once_have_the_bits_of_the_board():
    sizes = (1, 2, 4)
    cabinets = [Cabinet(seed, n, 0.5, 0.3, 30 * seed, True) for seed, n in enumerate(sizes)]
    values = [ints(4 * n + 3) for n in sizes]
    joints = [Joints(own, n, 1000 * RATED_A) for own, n in zip(values, sizes, strict=True)]
    many = Many(sizes, 1000 * RATED_A)
    for size_K in (0, 30):
        days = [cabinet.day(1, size_K) for cabinet in cabinets]
        expected = [boards(*own) for own in zip(cabinets, joints, values, days, strict=True)]
        measured = (np.hstack([day[which] for day in days]) for which in range(2))
        found = [list(many.sure) for _ in many.blocks(*measured, STEP_s)]
        assert found == [list(chain(*each)) for each in zip(*expected, strict=True)]
        assert [own.learn() for own in joints] == [0b1, 0b11, 0b1111]
        assert many.learn().all()
    assert max(many.sure) > BIAS + 1000


def test_a_joint_that_works_loose_is_named_and_no_other():
    faults = runs.faults([5, 6, 8], days=2)
    assert [fault.size_K >= 8 for fault in faults] == [True] * 3
    assert [fault.named for fault in faults] == [True] * 3
    assert max(fault.named_load_h for fault in faults) <= 2
    assert all(fault.named_C < 60 for fault in faults)


def test_sound_banks_are_silent_all_the_year():
    sounds = runs.sound([1, 2], windows=2, window_days=1)
    assert [one.told for one in sounds] == [0, 0]
    assert min(one.loaded_h for one in sounds) > 0
    said = tables.silence([runs.Sound(4, 3650)])
    assert "10.0 bank-years" in said and "0 early warnings; fewer than 0.30 a bank-year" in said


def test_only_those_count_that_had_the_load():
    def fault(**more):
        return runs.Fault(10.0, 4, 0, 0.5, **more)

    found = [
        fault(load_h=5.0, named=True, named_load_h=1.0),
        fault(load_h=0.5, named=True, named_load_h=0.5),
        fault(load_h=5.0, named=True, named_load_h=3.0),
        fault(load_h=2.0),
        fault(load_h=1.9),
        fault(load_h=5.0, named=False),
    ]
    assert tables.within(found, 2) == (1, 4)


def test_the_page_shows_the_tables():
    lines = PAGE.read_text().splitlines()
    at = lines.index("<!-- study -->") + 1
    assert lines[at] == tables.targets([]).splitlines()[0]
    for rule in runs.RULES:
        assert any(line.startswith(f"| {rule} | ") for line in lines[at : at + 30])
    assert PAGE.with_name("study.svg").read_text().startswith("<?xml")
