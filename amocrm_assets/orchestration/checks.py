"""What is checked of the data, and how a verdict is shown.

A check here has no partitions: run over a range it says which days are bad. Checks of what a step has just learnt
are judged by the step; checks of what lies in storage and warehouse can be run alone at any time.
"""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, available_timezones

import dagster as dg

from amocrm_assets.orchestration.failures import in_words
from amocrm_assets.orchestration.metadata import authorisation_metadata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from amocrm_assets.crm.findings import Finding
    from amocrm_assets.errors import ReadingUnproven
    from amocrm_assets.rows import RowsWritten
    from amocrm_assets.settings import SourceSettings

COMPLETE, TIMEZONE, AUTHORISATION = "reading_complete", "timezone", "authorisation_lasts"
FIELDS, ODDITIES = "custom_fields_exist", "no_oddities"
# So many of the worst offenders are shown.
WORST = 10


def raw_leads_specs(source: SourceSettings, key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """Checks that `raw_leads` judges."""
    return [
        dg.AssetCheckSpec(
            COMPLETE,
            asset=key,
            description=(
                "Every lead updated in the window was read, with proof. Whatever a list of the account could not"
                " prove is named here with its cause and fix: an error where records may be missing, a warning"
                " where it only costs requests, as when the account ignores filters."
            ),
        ),
        dg.AssetCheckSpec(
            TIMEZONE,
            asset=key,
            description=(
                f"The account's own zone has the same midnights as the source's `timezone`, {source.timezone}."
                " Otherwise days here differ from days in amoCRM's own reports."
            ),
        ),
        dg.AssetCheckSpec(
            AUTHORISATION,
            asset=key,
            description=(
                "The authorisation lasts another 14 days at least, or renews itself. After its end nothing can be"
                " read until a person renews it (`docs/connecting.md`)."
            ),
        ),
    ]


def leads_specs(source: SourceSettings, key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """Checks that `leads` judges."""
    chosen = "All are imported" if source.leads_custom_fields is None else "Some are chosen"
    return [
        dg.AssetCheckSpec(
            FIELDS,
            asset=key,
            description=(
                "Every custom field that the source's `leads_custom_fields` names exists in the account."
                f" {chosen} here; `amocrm-assets fields` lists what there is."
            ),
        ),
        dg.AssetCheckSpec(
            ODDITIES,
            asset=key,
            description=(
                "Every value of every lead fits its column. What does not fit is null in the row, is counted here"
                " by kind with an example, and stays in the capture."
            ),
        ),
    ]


def judge_reading(
    source: SourceSettings, read: Mapping[date, Mapping[str, Any]], expires_at: int | None
) -> list[dg.AssetCheckResult]:
    """Verdicts on days that were just read, from the facts of their reading."""
    return [_complete(read), _timezone(source, read), _authorisation(expires_at)]


def _complete(read: Mapping[date, Mapping[str, Any]]) -> dg.AssetCheckResult:
    """Findings by which records may be missing fail the check as an error; others are a warning."""
    found: list[tuple[date, Finding]] = [
        (day, finding) for day, facts in read.items() for finding in facts["findings"]
    ]
    missing = [(day, finding) for day, finding in found if finding.may_miss]
    named = list(dict.fromkeys(str(finding) for _, finding in (missing or found)))
    return verdict(
        COMPLETE,
        bad=sorted({day for day, _ in (missing or found)}),
        of=read,
        said="\n".join(named),
        severity=dg.AssetCheckSeverity.ERROR if missing else dg.AssetCheckSeverity.WARN,
        findings=", ".join(sorted({f"{finding.record_list}: {finding.kind}" for _, finding in found})),
    )


def reading_unproven(error: ReadingUnproven) -> dg.AssetCheckResult:
    """The verdict on a reading that could not be proven; its day has no capture."""
    return dg.AssetCheckResult(
        check_name=COMPLETE,
        passed=False,
        severity=dg.AssetCheckSeverity.ERROR,
        description=str(error),
        metadata={"cause": error.cause, "fix": error.fix, **error.facts},
    )


def _timezone(source: SourceSettings, read: Mapping[date, Mapping[str, Any]]) -> dg.AssetCheckResult:
    zones = {day: str(facts["account_timezone"]) for day, facts in read.items()}
    bad = [day for day, zone in zones.items() if not _same_midnights(day, zone, source)]
    there = ", ".join(sorted({zones[day] for day in bad}))
    return verdict(
        TIMEZONE,
        bad=bad,
        of=read,
        said=f"The account's zone is {there}, and days here are bounded by midnights of {source.timezone}. Set"
        " `timezone` in the source's defs.yaml to the account's zone, and materialise the days again.",
        account_timezone=there or None,
        source_timezone=source.timezone,
    )


def _same_midnights(day: date, zone_name: str, source: SourceSettings) -> bool:
    from amocrm_assets.capturing import day_window

    zone = _zone(zone_name)
    return zone is not None and day_window(day, zone) == day_window(day, source.zone)


@cache
def _zone(name: str) -> ZoneInfo | None:
    """The zone that the account names; None for a name that is none. Looking for it is slow."""
    return ZoneInfo(name) if name in available_timezones() else None


def _authorisation(expires_at: int | None) -> dg.AssetCheckResult:
    from amocrm_assets.crm.authorisation import expiry_warning

    warning = expiry_warning(expires_at, now=time.time())
    return dg.AssetCheckResult(
        check_name=AUTHORISATION,
        passed=warning is None,
        severity=dg.AssetCheckSeverity.WARN,
        description=warning and f"{warning} Renew it: docs/connecting.md.",
        metadata=authorisation_metadata(expires_at),
    )


def verdict(
    check_name: str,
    *,
    bad: Sequence[date],
    of: Mapping[date, Any],
    said: str,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN,
    **facts: object,
) -> dg.AssetCheckResult:
    """A verdict on days that names the bad ones; `said` tells what is wrong with them and the fix."""
    shown: dict[str, Any] = {
        "days": len(of),
        "bad_days": len(bad),
        **{name: fact for name, fact in facts.items() if fact},
    }
    if bad:
        shown["which_days"] = in_words(bad)
    return dg.AssetCheckResult(
        check_name=check_name,
        passed=not bad,
        severity=severity,
        description=said if bad else None,
        metadata=shown,
    )


def judge_rows(written: Mapping[date, RowsWritten]) -> list[dg.AssetCheckResult]:
    """Verdicts on rows that were just written."""
    return [_fields_exist(written), _no_oddities(written)]


def _fields_exist(written: Mapping[date, RowsWritten]) -> dg.AssetCheckResult:
    missing = {choice: close for rows in written.values() for choice, close in rows.missing_fields.items()}
    named = [f"`{choice}`{_close_by(close)}" for choice, close in missing.items()]
    return verdict(
        FIELDS,
        bad=[day for day, rows in written.items() if rows.missing_fields],
        of=written,
        said=f"The account has no custom field {', '.join(named)}. Correct `leads_custom_fields` in the source's"
        " defs.yaml; `amocrm-assets fields` lists what there is.",
        missing_fields=", ".join(missing),
    )


def _close_by(names: Sequence[str]) -> str:
    return f" (did you mean {' or '.join(f'`{name}`' for name in names)}?)" if names else ""


def _no_oddities(written: Mapping[date, RowsWritten]) -> dg.AssetCheckResult:
    found = [(day, oddity) for day, rows in written.items() for oddity in rows.oddities]
    worst = sorted(found, key=lambda each: -each[1].count)[:WORST]
    table = [f"| {day} | {oddity.kind} | {oddity.count} | {oddity.example} |" for day, oddity in worst]
    head = ["| day | what | how often | example |", "|---|---|---|---|"]
    return verdict(
        ODDITIES,
        bad=[day for day, rows in written.items() if rows.oddities],
        of=written,
        said="Values that fit no column became null. They stay in the captures; report them, so that they can be"
        " understood.",
        oddities=sum(oddity.count for _, oddity in found),
        worst=dg.MetadataValue.md("\n".join([*head, *table])) if table else None,
    )
