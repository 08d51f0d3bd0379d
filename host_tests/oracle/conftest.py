"""The reference in C, compiled once; where there is no compiler its tests say so."""

import pytest

from packwarden_host import oracle


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    if oracle.compiler() is None:
        pytest.skip("gcc is not installed: the kernels were not compared with the reference in C")
    return oracle.load(tmp_path_factory.mktemp("oracle"))
