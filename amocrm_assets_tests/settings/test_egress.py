"""Tests of `settings.egress`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from amocrm_assets.errors import SettingsError
from amocrm_assets.settings.egress import egress_settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("environment", [{}, {"AMOCRM_REQUESTS_PER_SECOND": " "}])
def test_without_the_variable_there_is_no_limit_of_the_deployment(environment: dict[str, str]) -> None:
    assert egress_settings(environment) is None


def test_processes_with_one_storage_share_a_file(tmp_path: Path) -> None:
    environment = {"AMOCRM_REQUESTS_PER_SECOND": "6.5", "AMOCRM_STORAGE": str(tmp_path)}
    settings = egress_settings(environment)

    assert settings is not None
    assert settings.requests_per_second == 6.5
    assert settings.file.is_relative_to(tmp_path)
    assert settings == egress_settings(environment)


def test_a_bucket_is_no_place_to_count_by_so_each_machine_has_a_file_for_it() -> None:
    found = [
        egress_settings({"AMOCRM_REQUESTS_PER_SECOND": "7", "AMOCRM_STORAGE": f"gs://{bucket}/x"})
        for bucket in ("one-bucket", "one-bucket", "another")
    ]

    files = [each.file for each in found if each is not None]
    assert files[0] == files[1] != files[2]
    assert files[0].is_absolute()


@pytest.mark.parametrize("written", ["seven", "0", "-7", "nan", "inf", "1e9", "7,5"])
def test_what_is_no_number_of_requests_is_refused_with_a_fix(written: str) -> None:
    with pytest.raises(SettingsError, match=r"AMOCRM_REQUESTS_PER_SECOND to the limit of the IP address") as stop:
        egress_settings({"AMOCRM_REQUESTS_PER_SECOND": written})

    assert stop.value.facts["variable"] == "AMOCRM_REQUESTS_PER_SECOND"
