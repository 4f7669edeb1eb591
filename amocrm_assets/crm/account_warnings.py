"""Warnings about differences between the settings of a source and its account.

None of them stops a run; serious problems are errors where they occur.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from amocrm_assets.days import days_that_differ, is_zone, year_until

if TYPE_CHECKING:
    from amocrm_assets.crm.account import Account
    from amocrm_assets.settings import SourceSettings


def settings_warnings(source: SourceSettings, account: Account) -> list[str]:
    """One or two sentences for each difference; usually empty."""
    return [found for found in (timezone_mismatch(source, account), filters_warning(account)) if found]


def timezone_mismatch(source: SourceSettings, account: Account) -> str | None:
    """The warning if partition days differ from the days of amoCRM's own reports."""
    if not days_that_differ(account.timezone, source.zone, year_until(datetime.now(UTC).date())):
        return None
    if not is_zone(account.timezone):
        return (
            f"amoCRM's time zone of the account, {account.timezone}, is not a valid name: compare the source's"
            f" `timezone`, {source.timezone}, with the account's settings in amoCRM."
        )
    return (
        f"The account's time zone is {account.timezone}, the source's {source.timezone}: write `timezone:"
        f" {account.timezone}` into its defs.yaml. Days that were read before are then missing; run them again"
        " (docs/settings.md)."
    )


def filters_warning(account: Account) -> str | None:
    """The effect of an account that ignores filters."""
    if account.filters_enabled is not False:
        return None
    return (
        "The account does not filter by time (a paid option of amoCRM): nothing is lost, but each run reads all"
        " records that were edited since its first day."
    )
