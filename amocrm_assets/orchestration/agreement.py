"""The check `events_agree`: an independent verification that records with events were captured.

For the comparison see `rows.agreement`.
"""

# No `from __future__ import annotations` here: Dagster needs the context's type itself, and not its name.
from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from amocrm_assets.entities import AGREEMENT
from amocrm_assets.errors import ActionRequired
from amocrm_assets.orchestration.assets import raw_key, rows_key
from amocrm_assets.orchestration.checks import WORST, verdict
from amocrm_assets.orchestration.failures import in_words
from amocrm_assets.orchestration.markdown import escape
from amocrm_assets.orchestration.names import LAST
from amocrm_assets.orchestration.partitions import days_of_run
from amocrm_assets.orchestration.resources import AmoCrmDeployment
from amocrm_assets.rows.stored import days_with_rows
from amocrm_assets.settings import SourceSettings

if TYPE_CHECKING:
    from amocrm_assets.rows.agreement import DayAgreement

AGREE = "events_agree"
# A day waits for the next ones, so each run also compares days before its own.
_LOOK_BACK = timedelta(days=7)


def events_agree_of(source: SourceSettings) -> dg.AssetChecksDefinition:
    """The check of a source that imports both the records and the events."""
    records, record = AGREEMENT.of.table.records, AGREEMENT.of.table.record

    @dg.asset_check(
        asset=raw_key(AGREEMENT.of, source),
        additional_deps=[rows_key(each.table, source) for each in (AGREEMENT.of, AGREEMENT.events)],
        name=AGREE,
        op_tags=LAST,
        description=(
            f"Every {record} that had an event on a day is in the capture of that day or of a later one. Events"
            f" are a separate list, so they reveal {records} that the other list omits, without extra requests."
            "\n\nA day is compared once the days up to its first reading have rows. A run looks at the week before"
            " it again, and at all days that were first read in that week. An error where the event shows a change"
            " for certain, a warning otherwise. Run alone, it looks at every day."
        ),
    )
    def events_agree(context: dg.AssetCheckExecutionContext, amocrm: AmoCrmDeployment) -> dg.AssetCheckResult:
        from amocrm_assets.rows.agreement import agreement_of_days, days_to_compare

        storage, bounds = amocrm.storage(), days_of_run(context.run)
        if bounds:
            days = days_to_compare(storage, source, bounds[0] - _LOOK_BACK, bounds[1])
        else:
            days = days_with_rows(AGREEMENT.events.table, storage, source.subdomain)
        try:
            return agreement_result(agreement_of_days(storage, source, days))
        except ActionRequired as error:
            # A damaged file of another day fails no run: `ids_unique` fails for its day.
            return _not_compared(error)

    return events_agree


def _not_compared(error: ActionRequired) -> dg.AssetCheckResult:
    """The result if the rows of a day cannot be read: no day is compared then."""
    cause = f"Nothing was compared: {error.cause}"
    return dg.AssetCheckResult(
        check_name=AGREE,
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{escape(cause)} {error.fix}",
        metadata={"cause": cause, "fix": error.fix, "error": type(error).__name__},
    )


def agreement_result(found: Mapping[date, "DayAgreement"]) -> dg.AssetCheckResult:
    """The result for days, with the records that were not captured."""
    from amocrm_assets.rows.agreement import counted

    records = AGREEMENT.of.table.records
    is_error = any(each.missing for each in found.values())
    bad = {day: each.missing if is_error else each.doubtful for day, each in found.items()}
    bad = {day: each for day, each in bad.items() if each}
    named = {record: types for each in bad.values() for record, types in each.items()}
    by_type = counted(named)
    types = ", ".join(f"{kind}: {count}" for kind, count in sorted(by_type.items()))
    trash = (
        f" Deleted {records} may have been purged from amoCRM's trash since; if none of those that were deleted is"
        " there, the list of deleted ones is not shown to the token's user."
        if AGREEMENT.deleted in by_type
        else ""
    )
    examples = ", ".join(map(str, sorted(named)[:WORST]))
    return verdict(
        AGREE,
        bad=sorted(bad),
        of=found,
        severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
        message=f"{len(named)} {records} had events and are in no capture of that day or of a later one ({types}),"
        f" for example {examples}.",
        fix=f"Materialise `{AGREEMENT.of.raw_asset}` and what follows for these days again;"
        " if they are still missing, the token's user may see their events and not the records themselves."
        f"{trash}",
        missing=len(named),
        events=types,
        example_ids=examples,
        deleted_since=sum(each.deleted for each in found.values()),
        waiting=in_words([day for day, each in found.items() if each.is_waiting]),
    )
