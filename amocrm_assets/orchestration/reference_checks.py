"""Checks of the reference tables: whether their lists were read completely, and whether they contain a day's ids.

Findings are in the header of the capture, so the check can be run alone at any time.
"""

# No `from __future__ import annotations` here: Dagster needs the context's type itself, not its name.
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from amocrm_assets.entities import LEADS
from amocrm_assets.entities.reference import REFERENCE, REFERENCE_TABLES, ReferenceTable
from amocrm_assets.errors import ActionRequired
from amocrm_assets.orchestration.assets import reference_key, rows_key
from amocrm_assets.orchestration.checks import COMPLETE, verdict
from amocrm_assets.orchestration.markdown import escape, plain
from amocrm_assets.orchestration.names import LAST
from amocrm_assets.orchestration.partitions import days_of_run
from amocrm_assets.orchestration.resources import AmoCrmDeployment
from amocrm_assets.settings import SourceSettings

if TYPE_CHECKING:
    from amocrm_assets.captures import CapturedList
    from amocrm_assets.rows.reference import UnknownId
    from amocrm_assets.storage import Storage

KNOWN = "reference_known"


def reference_specs(source: SourceSettings) -> list[dg.AssetCheckSpec]:
    """`reading_complete` of each table."""
    return [
        dg.AssetCheckSpec(
            COMPLETE,
            asset=reference_key(source, table),
            description=(
                f"All {table.records} of the account were read. Otherwise (the user who"
                " authorised the source lacks a permission, amoCRM did not respond, its own count differs) the"
                " list, the cause and the fix are shown here; no missing record was marked as deleted."
            ),
        )
        for table in REFERENCE_TABLES
    ]


def newest_lists(storage: "Storage", source: SourceSettings) -> dict[str, "CapturedList"]:
    """The lists of the newest capture, by name; empty without one."""
    from amocrm_assets.captures import all_captures, read_header

    captures = all_captures(REFERENCE, storage, source.subdomain)
    lists = read_header(REFERENCE, storage, captures[-1].name).lists if captures else None
    return {each.name: each for each in lists or ()}


def lists_of(table: ReferenceTable, lists: Mapping[str, "CapturedList"]) -> list["CapturedList"]:
    """The lists of a table, with their outcome."""
    names = dict.fromkeys(part.record_list for part in table.parts)
    return [lists[name] for name in names if name in lists]


def list_results(
    source: SourceSettings,
    table: ReferenceTable,
    lists: Mapping[str, "CapturedList"],
    *,
    oddities: Mapping[str, int] | None = None,
    is_complete: bool = True,
) -> dg.AssetCheckResult:
    """The result for the lists of a table. `is_complete`, `oddities`: of the data of its rows, if known."""
    read = lists_of(table, lists)
    findings = [(each.name, finding) for each in read for finding in each.findings]
    # A cause may contain text from a server, and a description is rendered as Markdown.
    messages = [(f"List of {name}: {escape(finding.cause)}", finding.fix) for name, finding in findings]
    may_miss = any(finding.may_miss for _, finding in findings)
    if not read:
        messages.append(("The list was not read yet.", "Materialise `raw_reference`."))
    elif not is_complete and not may_miss:
        messages.append(
            (
                (
                    f"amoCRM's response lacks some {table.records} ({', '.join(oddities or {})}). Nothing was"
                    " marked as deleted."
                ),
                "Materialise `raw_reference` again, and report it if it still fails.",
            )
        )
    is_error = may_miss or not read or not is_complete
    return dg.AssetCheckResult(
        asset_key=reference_key(source, table),
        check_name=COMPLETE,
        passed=not messages,
        severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
        description="\n".join(f"{cause} {fix}" for cause, fix in messages) or None,
        metadata=_lists_metadata(read, oddities or {}) | _cause_and_fix(messages),
    )


def _cause_and_fix(messages: Sequence[tuple[str, str]]) -> dict[str, str]:
    """For alerts."""
    if not messages:
        return {}
    causes, fixes = zip(*messages, strict=True)
    return {"cause": plain(" ".join(causes)), "fix": plain(" ".join(dict.fromkeys(fixes)))}


def _lists_metadata(read: Sequence["CapturedList"], oddities: Mapping[str, int]) -> dict[str, str]:
    lists = [f"{each.name}: {each.outcome}, {each.records} records" for each in read]
    optional = {
        "findings": ", ".join(f"{each.name}: {finding.kind}" for each in read for finding in each.findings),
        "oddities": ", ".join(f"{kind} ({count})" for kind, count in oddities.items()),
    }
    return {"lists": ", ".join(lists) or "none"} | {name: text for name, text in optional.items() if text}


def reference_known_of(source: SourceSettings) -> dg.AssetChecksDefinition:
    """The check `reference_known`."""

    @dg.asset_check(
        asset=rows_key(LEADS.table, source),
        name=KNOWN,
        op_tags=LAST,
        description=(
            "Every pipeline, stage, user, group and loss reason of the day's leads is in the reference"
            " tables. Ids that were never in a list (a user who was deleted before the first read) are counted"
            " here by kind, with an example. Run alone, it checks every day that has rows."
        ),
    )
    def reference_known(context: dg.AssetCheckExecutionContext, amocrm: AmoCrmDeployment) -> dg.AssetCheckResult:
        from amocrm_assets.rows.reference import KnownIds
        from amocrm_assets.rows.stored import days_with_rows

        storage = amocrm.storage()
        bounds = days_of_run(context.run)
        days = [
            day
            for day in days_with_rows(LEADS.table, storage, source.subdomain)
            if bounds is None or bounds[0] <= day <= bounds[1]
        ]
        known, unknown = KnownIds(storage, source.subdomain), dict[date, list["UnknownId"]]()
        for day in days:
            with suppress(ActionRequired):  # rows that cannot be read fail `ids_unique`
                unknown[day] = known.unknown(day)
        return _known_result(unknown)

    return reference_known


def _known_result(unknown: Mapping[date, Sequence["UnknownId"]]) -> dg.AssetCheckResult:
    from amocrm_assets.rows.reference import KNOWN_BY

    counted: dict[str, int] = {}
    examples: dict[str, Any] = {}
    for found in unknown.values():
        for each in found:
            counted[each.column] = counted.get(each.column, 0) + each.count
            examples.setdefault(each.column, each.example)
    named = [
        f"{count} × {column} (for example {examples[column]}, missing in {KNOWN_BY[column]})"
        for column, count in counted.items()
    ]
    return verdict(
        KNOWN,
        bad=[day for day, found in unknown.items() if found],
        of=unknown,
        message=f"Leads have ids that are in no reference table: {'; '.join(named)}. Materialise `raw_reference`"
        " and the tables; an id that is still missing was deleted in amoCRM before the first read,"
        " and has no name.",
        unknown_ids=", ".join(f"{column}: {count}" for column, count in counted.items()),
    )
