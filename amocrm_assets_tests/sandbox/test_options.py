"""Options of a sandbox as a program or a person writes them: JSON."""

from __future__ import annotations

from typing import Any

import pytest

from amocrm_assets.sandbox import Population, SandboxOptions
from amocrm_assets.sandbox.options import Fault, options_from_json


def test_populations_and_faults_of_json_become_records() -> None:
    population: dict[str, Any] = {"leads": 3, "updated_from": 1, "updated_to": 2}
    assert options_from_json({
        "seed": 2, "populations": [population], "faults": [{"kind": "502", "rate": 0.5}], "page_limit_max": 9,
    }) == SandboxOptions(
        seed=2, populations=(Population(**population),), faults=(Fault("502", rate=0.5),), page_limit_max=9
    )  # fmt: skip


@pytest.mark.parametrize("values", [{"leads": 3}, {"populations": [{"deals": 3}]}, {"faults": [{"kind": "505"}]}])
def test_a_name_or_value_that_does_not_exist_is_refused(values: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError), match=r"leads|deals|505"):
        options_from_json(values)
