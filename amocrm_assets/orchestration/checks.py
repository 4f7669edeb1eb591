"""Asset checks and their results.

Checks have no partitions: for a range they list the days with problems. Checks of data that a step has just read
are evaluated in the step; checks of data in storage and warehouse can be run alone at any time.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import dagster as dg

from amocrm_assets.days import days_that_differ
from amocrm_assets.entities import CUSTOM_FIELDS
from amocrm_assets.orchestration.documents import page
from amocrm_assets.orchestration.failures import in_words
from amocrm_assets.orchestration.markdown import code, escape, plain
from amocrm_assets.orchestration.metadata import authorisation_metadata, text_table
from amocrm_assets.untrusted import MAX_LINE, hidden_difference, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from amocrm_assets.crm.pagination.findings import Finding
    from amocrm_assets.entities import Entity, Table
    from amocrm_assets.errors import ReadingUnproven
    from amocrm_assets.rows import RowsWritten
    from amocrm_assets.settings import SourceSettings

COMPLETE, TIMEZONE, AUTHORISATION = "reading_complete", "timezone", "authorisation_lasts"
HASH_KEY = "hash_key_unchanged"
FIELDS, ODDITIES = "custom_fields_exist", "no_oddities"
# Maximum number of examples.
WORST = 10


def raw_specs(entity: Entity, source: SourceSettings, key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """Checks that are evaluated by an asset with captures."""
    return [
        dg.AssetCheckSpec(
            COMPLETE,
            asset=key,
            description=(
                f"Every {entity.table.record} {entity.table.is_dated} in the window was read. If this cannot be"
                " verified for a list of the account, the cause and the fix are shown here: as an error if"
                " records may be missing, as a warning if it only costs requests, as when the account ignores"
                " filters."
            ),
        ),
        dg.AssetCheckSpec(
            TIMEZONE,
            asset=key,
            description=(
                f"The account's time zone has the same midnights as the source's `timezone`, {source.timezone}."
                " Otherwise days here differ from days in amoCRM's own reports."
            ),
        ),
        dg.AssetCheckSpec(
            AUTHORISATION,
            asset=key,
            description=(
                "The authorisation is valid for at least 14 more days, or is renewed automatically. When it has"
                f" expired, nothing can be read until it is renewed manually ({page('connecting.md')})."
            ),
        ),
        *([_hash_key_spec(key)] if source.hash_fields else []),
    ]


def _hash_key_spec(key: dg.AssetKey) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        HASH_KEY,
        asset=key,
        description=(
            "`AMOCRM_HASH_KEY` is the key of earlier captures. With another key the same phone"
            f" number has another hash, and new data cannot be joined with earlier data ({page('privacy.md')})."
        ),
    )


def rows_specs(entity: Entity, table: Table, source: SourceSettings, key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """Checks that an asset with rows evaluates: of custom fields, if its table has selectable ones."""
    chosen = "All are imported" if entity.choices.fields(source) is None else "Some are chosen"
    fields = dg.AssetCheckSpec(
        FIELDS,
        asset=key,
        description=(
            f"Every custom field named in the source's `{entity.choices.custom_fields}` exists in the account."
            f" {chosen} here; `amocrm-assets fields {source.subdomain}` lists the account's fields."
        ),
    )
    return [
        *([fields] if _chooses_fields(entity, table) else []),
        dg.AssetCheckSpec(
            ODDITIES,
            asset=key,
            description=(
                f"Every value of every {table.record} has the documented type. Other values become null or are"
                " converted; they are counted here by kind with an example, and the capture"
                " keeps the original value."
            ),
        ),
    ]


def reading_results(
    source: SourceSettings, read: Mapping[date, Mapping[str, Any]], expires_at: int | None
) -> list[dg.AssetCheckResult]:
    """Results for days that were just read, from the metadata of the read."""
    hashes = [_hash_key(read)] if source.hash_fields else []
    return [_complete(read), _timezone(source, read), _authorisation(source, expires_at), *hashes]


def _complete(read: Mapping[date, Mapping[str, Any]]) -> dg.AssetCheckResult:
    """Findings because of which records may be missing are an error; others are a warning."""
    found: list[tuple[date, Finding]] = [
        (day, finding) for day, metadata in read.items() for finding in metadata["findings"]
    ]
    missing = [(day, finding) for day, finding in found if finding.may_miss]
    named = {str(finding): finding for _, finding in (missing or found)}
    return verdict(
        COMPLETE,
        bad=sorted({day for day, _ in (missing or found)}),
        of=read,
        message=" ".join(f"List of {each.record_list.title}: {each.cause}" for each in named.values()),
        fix=" ".join(dict.fromkeys(each.fix for each in named.values())),
        description="\n".join(named),
        severity=dg.AssetCheckSeverity.ERROR if missing else dg.AssetCheckSeverity.WARN,
        findings=", ".join(sorted({f"{finding.record_list.name}: {finding.kind}" for _, finding in found})),
    )


def reading_unproven(error: ReadingUnproven) -> dg.AssetCheckResult:
    """The result for a day that could not be read completely; it has no capture."""
    return dg.AssetCheckResult(
        check_name=COMPLETE,
        passed=False,
        severity=dg.AssetCheckSeverity.ERROR,
        description=escape(error),
        metadata={"cause": error.cause, "fix": error.fix, **error.facts},
    )


def _timezone(source: SourceSettings, read: Mapping[date, Mapping[str, Any]]) -> dg.AssetCheckResult:
    zones = {day: str(metadata["account_timezone"]) for day, metadata in read.items()}
    bad = [day for day, zone in zones.items() if days_that_differ(zone, source.zone, [day])]
    there = sorted({zones[day] for day in bad})
    return verdict(
        TIMEZONE,
        bad=bad,
        of=read,
        message=f"The account's time zone is {', '.join(map(escape, there))}, and the source's is"
        f" {source.timezone}. Set `timezone` in the source's defs.yaml to the account's, and materialise the"
        " days again.",
        account_timezone=", ".join(map(one_line, there)) or None,
        source_timezone=source.timezone,
    )


def _hash_key(read: Mapping[date, Mapping[str, Any]]) -> dg.AssetCheckResult:
    return verdict(
        HASH_KEY,
        bad=sorted(day for day, metadata in read.items() if metadata.get("hash_key_changed")),
        of=read,
        message="These days were hashed with another key than earlier captures, so their hashes cannot be joined"
        " with earlier data. If that was not intended, set AMOCRM_HASH_KEY to the former key and materialise the"
        " days again.",
        hash_key=", ".join(sorted({str(each["hash_key"]) for each in read.values() if "hash_key" in each})),
    )


def _authorisation(source: SourceSettings, expires_at: int | None) -> dg.AssetCheckResult:
    from amocrm_assets.crm.authorisation import expiry_warning
    from amocrm_assets.crm.http.error_context import renewal

    warning = expiry_warning(expires_at, now=time.time())
    return dg.AssetCheckResult(
        check_name=AUTHORISATION,
        passed=warning is None,
        severity=dg.AssetCheckSeverity.WARN,
        description=warning and f"{warning} {renewal(source)}",
        metadata=authorisation_metadata(expires_at),
    )


def verdict(
    check_name: str,
    *,
    bad: Sequence[date],
    of: Mapping[date, Any],
    message: str,
    fix: str = "",
    description: str | None = None,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN,
    **facts: object,
) -> dg.AssetCheckResult:
    """A result that lists the days with problems. `description` is the page's text, if not message and fix.

    `message` is the problem, and the fix, if `fix` is empty. Those that may be errors have both apart, for alerts.
    """
    shown: dict[str, Any] = {
        "days": len(of),
        "bad_days": len(bad),
        **{name: fact for name, fact in facts.items() if fact},
    }
    if bad:
        shown["which_days"] = in_words(bad)
    if bad and fix:
        shown |= {"cause": plain(message), "fix": plain(fix)}
    return dg.AssetCheckResult(
        check_name=check_name,
        passed=not bad,
        severity=severity,
        description=(description or f"{message} {fix}".strip()) if bad else None,
        metadata=shown,
    )


def rows_results(
    entity: Entity, table: Table, source: SourceSettings, written: Mapping[date, RowsWritten]
) -> list[dg.AssetCheckResult]:
    """Results for rows that were just written."""
    fields = [_fields_exist(entity, source, written)] if _chooses_fields(entity, table) else []
    return [*fields, _no_oddities(written)]


def _chooses_fields(entity: Entity, table: Table) -> bool:
    return entity.choices.custom_fields is not None and CUSTOM_FIELDS in table.column_names


def _fields_exist(
    entity: Entity, source: SourceSettings, written: Mapping[date, RowsWritten]
) -> dg.AssetCheckResult:
    missing = {choice: close for rows in written.values() for choice, close in rows.missing_fields.items()}
    named = [f"{code(choice)}{_close_by(choice, close)}" for choice, close in missing.items()]
    return verdict(
        FIELDS,
        bad=[day for day, rows in written.items() if rows.missing_fields],
        of=written,
        message=f"The account has no custom field {', '.join(named)}. Correct `{entity.choices.custom_fields}` in"
        f" the source's defs.yaml; `amocrm-assets fields {source.subdomain}` lists the account's fields.",
        missing_fields=", ".join(map(one_line, missing)),
    )


def _close_by(written: str, names: Sequence[str]) -> str:
    meant = [f"{code(name)}{_differs_by(written, name)}" for name in names]
    return f" (did you mean {' or '.join(meant)}?)" if meant else ""


def _differs_by(written: str, meant: str) -> str:
    hidden = hidden_difference(written, meant)
    return f": {hidden}" if hidden else ""


def _no_oddities(written: Mapping[date, RowsWritten]) -> dg.AssetCheckResult:
    found = [(day, oddity) for day, rows in written.items() for oddity in rows.oddities]
    worst = sorted(found, key=lambda each: -each[1].count)[:WORST]
    table = [(day, oddity.kind, oddity.count, oddity.example) for day, oddity in worst]
    return verdict(
        ODDITIES,
        bad=[day for day, rows in written.items() if rows.oddities],
        of=written,
        message="Some values do not have the documented type: they became null or were converted. The"
        " captures keep the original values. Please report them.",
        oddities=sum(oddity.count for _, oddity in found),
        worst=text_table(["day", "what", "how often", "example"], table, limit=MAX_LINE) if table else None,
    )
