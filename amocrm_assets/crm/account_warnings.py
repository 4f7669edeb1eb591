"""Where the settings of a source differ from what its account says, in words for whoever edits them.

Nothing here is wrong enough to stop a run; what is, is an error where it happens.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from amocrm_assets.days import days_that_differ, is_zone, year_until

if TYPE_CHECKING:
    from amocrm_assets.crm.account import Account
    from amocrm_assets.settings import SourceSettings


def settings_warnings(source: SourceSettings, account: Account) -> list[str]:
    """One sentence or two for each difference; none is the usual answer."""
    return [found for found in (timezone_mismatch(source, account), filters_warning(account)) if found]


def timezone_mismatch(source: SourceSettings, account: Account) -> str | None:
    """What to write when days here would not be the days of amoCRM's own reports."""
    if not days_that_differ(account.timezone, source.zone, year_until(datetime.now(UTC).date())):
        return None
    if not is_zone(account.timezone):
        return (
            f"amoCRM calls the account's zone {account.timezone}, which is no zone's name: compare the source's"
            f" `timezone`, {source.timezone}, with the account's settings in amoCRM."
        )
    return (
        f"The account's zone is {account.timezone}, the source's {source.timezone}: write `timezone:"
        f" {account.timezone}` into its defs.yaml. Days that were read before are then missing; run them again"
        " (docs/settings.md)."
    )


def filters_warning(account: Account) -> str | None:
    """What it means that the account does not filter."""
    if account.filters_enabled is not False:
        return None
    return (
        "The account does not filter by time (a paid option of amoCRM): nothing is lost, but each run reads all"
        " records edited since the day it is about."
    )
