"""Vectors: the same frames give the same bits on every target, tick by tick.

CPython, the 64-bit VM with viper and without, and the 32-bit VM, which is what an ESP32 computes
with. Folded are every array and integer of the step, every output and every event line.
"""

from packwarden_host import targets, vectors
from packwarden_host.configurations import every_row_on, ordinary
from proofs import machines


def test_every_target_gives_the_same_bits():
    jobs = vectors.jobs()
    report = vectors.compare(targets.local(), jobs)
    assert report.agree, [result.problem for result in report.results] + report.differences
    assert report.names == [job.name for job in jobs]
    told = report.results[0].lines.values()
    digests = [line for lines in told for line in lines if not line.startswith("saw ")]
    assert len(set(digests)) == len(digests) == sum(job.ticks for job in jobs) // 100


def test_a_difference_of_one_count_shows():
    jobs = [("4", every_row_on(ordinary(4), vectors.HURRY), 200, 1)]
    library = machines.changed("measure.py", "= code * whole", "= 1 + code * whole")
    here, there = targets.CPython(), targets.WasmVm()
    assert machines.driven(there, jobs) == machines.driven(here, jobs)
    assert machines.driven(there, jobs, library) != machines.driven(here, jobs)
