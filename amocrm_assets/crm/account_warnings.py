"""Where the settings of a source differ from what its account says, in words for whoever edits them.

Nothing here is wrong enough to stop a run; what is, is an error where it happens.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

if TYPE_CHECKING:
    from amocrm_assets.crm.account import Account
    from amocrm_assets.settings import SourceSettings


def settings_warnings(source: SourceSettings, account: Account) -> list[str]:
    """One sentence or two for each difference; none is the usual answer."""
    return [found for found in (timezone_mismatch(source, account), filters_warning(account)) if found]


def timezone_mismatch(source: SourceSettings, account: Account) -> str | None:
    """What to write when days here would not be the days of amoCRM's own reports."""
    if account.timezone is None or _same_clocks(account.timezone, source.timezone):
        return None
    return (
        f"The account's zone is {account.timezone}, the source's {source.timezone}: write `timezone:"
        f" {account.timezone}` into its defs.yaml before the first run."
    )


def filters_warning(account: Account) -> str | None:
    """What it means that the account does not filter."""
    if account.filters_enabled is not False:
        return None
    return (
        "The account does not filter by time (a paid option of amoCRM): nothing is lost, but each run reads all"
        " leads edited since the day it is about."
    )


def _same_clocks(one: str, other: str) -> bool:
    """Whether two zones show the same time through this year."""
    if one not in available_timezones():
        return False
    months = [datetime(datetime.now(UTC).year, month, 1, tzinfo=UTC) for month in range(1, 13)]
    clocks = [[month.astimezone(ZoneInfo(zone)).utcoffset() for month in months] for zone in (one, other)]
    return clocks[0] == clocks[1]
