"""How often the proofs of this folder are tried: a few fixed seeds in `make test-all`, many in `make soak`.

A test that takes `seed` says with `@pytest.mark.rounds(few, many)` how many seeds each of the two gives it. Seeds
are part of the tests' names, so that a failure says how to repeat it: `--soak-from SEED -k NAME`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from amocrm_assets_tests.accounts import source
from amocrm_assets_tests.guarantees.whole_way import WholeWay

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.storage import Storage


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("soak")
    group.addoption("--soak", type=float, default=0.0, help="So many times the rounds of a soak; 0: a few.")
    group.addoption("--soak-from", type=int, default=1, help="The first seed.")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "rounds(few, many): how many seeds `make test` and `make soak` try")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker("rounds")
    if marker is None:
        return
    few, many = marker.args
    times = metafunc.config.getoption("--soak", default=0.0)
    first = metafunc.config.getoption("--soak-from", default=1)
    rounds = max(1, round(many * times)) if times else few
    metafunc.parametrize("seed", range(first, first + rounds), ids="seed{}".format)


@pytest.fixture
def way(tmp_path: Path, storage: Storage) -> WholeWay:
    return WholeWay(tmp_path, storage, source())
