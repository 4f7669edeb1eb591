"""Finds ids in the rows of leads that their reference table does not have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from amocrm_assets.entities import LEADS
from amocrm_assets.entities.reference import reference_table
from amocrm_assets.rows.files import rows_table
from amocrm_assets.rows.reference.files import reference_rows
from amocrm_assets.rows.reference.seen import KNOWN_BY

if TYPE_CHECKING:
    from datetime import date

    import pyarrow as pa

    from amocrm_assets.storage import Storage


@dataclass(frozen=True)
class UnknownId:
    """`count` leads of a day have ids in `column` that its reference table does not have, such as `example`."""

    column: str
    count: int
    example: str


class KnownIds:
    """The ids in an account's reference tables; empty for a table that has not been made."""

    def __init__(self, storage: Storage, subdomain: str) -> None:
        self._storage = storage
        self._subdomain = subdomain
        self._known = {table: _known(table, storage, subdomain) for table in dict.fromkeys(KNOWN_BY.values())}

    def unknown(self, day: date) -> list[UnknownId]:
        """The unknown ids in the leads of a day, by column. Raises as `rows_table` does."""
        rows = rows_table(LEADS.table, self._storage, self._subdomain, day, columns=list(KNOWN_BY))
        found = (_unknown(column, rows, self._known[table]) for column, table in KNOWN_BY.items())
        return [each for each in found if each]


def _known(asset: str, storage: Storage, subdomain: str) -> set[tuple[int, ...]]:
    table = reference_table(asset)
    rows = reference_rows(table, storage, subdomain, [*table.key, "first_seen_at"])
    if rows is None:
        return set()
    declared = {tuple(dict(each)[name] for name in table.key) for each in table.placeholders}
    listed = rows.filter(rows["first_seen_at"].is_valid())
    # Ids that were in no list have a row only because leads contain them: they count as unknown.
    return declared | set(zip(*(listed[name].to_pylist() for name in table.key), strict=True))


def _unknown(column: str, rows: pa.Table, known: set[tuple[int, ...]]) -> UnknownId | None:
    """Unknown ids of a column. Rows are grouped first: a day has many leads and few distinct ids."""
    names = ["pipeline_id", "status_id"] if column == "status_id" else [column]
    counts = rows.select(names).group_by(names).aggregate([([], "count_all")]).to_pylist()
    unknown = [
        (tuple(each[name] for name in names), each["count_all"])
        for each in counts
        if each[column] is not None and tuple(each[name] for name in names) not in known
    ]
    if not unknown:
        return None
    # A stage may come without its pipeline.
    example = " / ".join(map(str, min((ids for ids, _ in unknown), key=lambda ids: [each or 0 for each in ids])))
    return UnknownId(column, sum(count for _, count in unknown), example)
