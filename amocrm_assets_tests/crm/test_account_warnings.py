"""A source is warned of what differs from its account, and of nothing else."""

from __future__ import annotations

import pytest

from amocrm_assets.crm.account import Account
from amocrm_assets.crm.account_warnings import settings_warnings
from amocrm_assets_tests.accounts import source


@pytest.mark.parametrize("filters", [True, False, None])
@pytest.mark.parametrize("timezone", ["Europe/Moscow", "Asia/Vladivostok", "MSK+1", None])
def test_there_is_a_warning_for_another_zone_and_one_for_ignored_filters(
    timezone: str | None, *, filters: bool | None
) -> None:
    account = Account(1, "A", "sandbox", timezone, filters_enabled=filters, current_user_id=None)
    expected = {
        "Europe/Moscow": [],
        "Asia/Vladivostok": ["The account's time zone is Asia/Vladivostok, the source's Europe/Moscow"],
    }.get(timezone or "", [f"amoCRM's time zone of the account, {timezone}, is not a valid name"])
    if filters is False:  # it is not known of every account whether it filters
        expected = [*expected, "The account does not filter by time"]

    warnings = settings_warnings(source(), account)

    assert len(warnings) == len(expected)
    assert all(found.startswith(begin) for found, begin in zip(warnings, expected, strict=True))
