"""Vectors: the same frames give the same bits on every machine, tick by tick.

CPython, the 64-bit VM with viper and without, and the 32-bit VM, which is what an ESP32 computes
with. Folded are every array and integer of the step, every output and every event line.
"""

import json
from concurrent.futures import ThreadPoolExecutor

from proofs import machines
from proofs.configurations import every_row_on, ordinary, uneven, widest, without

HURRY = 50  # delays of minutes would not pass in ordeals of seconds
IMBALANCE = "current_imbalance"


def _jobs():
    """(name, configuration, ticks, seed) of each ordeal; some with each chip and each breaker."""
    quick = every_row_on(ordinary(15), HURRY)
    small = {"monitor": "ina226", "cells": 8, "shunt": "100A/12.5mV"}
    uvr = every_row_on(ordinary(4, breaker="uvr", feedback="both", **small), HURRY)
    wired = {"feedback": "both", "main_shunt_uohm": 50, "trip_circuit": "open_on_fault"}
    kinds = (
        ("15 as shipped", ordinary(15), 400, 1),
        ("15 all rows", quick, 400, 2),
        ("15 no imbalance", without(quick, IMBALANCE), 400, 1),
        ("4 uvr", uvr, 400, 1),
        ("4 uvr no imbalance", without(uvr, IMBALANCE), 400, 2),
        (
            "2 contactor",
            every_row_on(
                ordinary(2, breaker="contactor", feedback="none", monitor="ina238"), HURRY
            ),
            400,
            2,
        ),
        ("1 shunt trip", every_row_on(ordinary(1, feedback="52b"), HURRY), 400, 2),
        ("2 as shipped", ordinary(2, 50, **{**small, "shunt": "50A/12.5mV"}), 300, 2),
        ("4 widest", widest(4, "ina228", kind="uvr"), 300, 1),
        ("3 uneven", uneven(every_row_on(ordinary(3, **wired), HURRY)), 300, 2),
        ("15 uneven widest", uneven(widest(15, "ina238", main_shunt_uohm=1), 1), 300, 1),
    )
    return [
        (f"{name} {seed}", config, ticks, 1000 * seed + 7)
        for name, config, ticks, seeds in kinds
        for seed in range(seeds)
    ]


def test_every_machine_gives_the_same_bits(tmp_path):
    jobs = json.dumps(_jobs())
    with ThreadPoolExecutor() as pool:
        others = [
            pool.submit(machines.on_32_bits, jobs),
            pool.submit(machines.on_bytecode, jobs, tmp_path),
            pool.submit(machines.on_viper, jobs),
        ]
        expected = machines.on_cpython(jobs).splitlines()
        digests = [line for line in expected if " saw " not in line]
        assert len(set(digests)) == len(digests) == sum(ticks for _, _, ticks, _ in _jobs()) // 100
        for other in others:
            assert other.result().splitlines() == expected


def test_a_difference_of_one_count_shows():
    job = json.dumps([("4", every_row_on(ordinary(4), HURRY), 200, 1)])
    lib = machines.changed("measure.py", "= code * whole", "= 1 + code * whole")
    assert machines.on_32_bits(job) == machines.on_cpython(job)
    assert machines.on_32_bits(job, lib) != machines.on_cpython(job)
