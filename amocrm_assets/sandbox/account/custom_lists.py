"""Lists of records that tests add, with filters, orders and pages as for contacts.

For entities whose records the sandbox does not generate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from amocrm_assets.sandbox.account.query import lead_query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.sandbox.options import SandboxOptions

Json = dict[str, Any]


@dataclass(frozen=True)
class CustomList:
    """Records as API v4 sends them, with `id`, `created_at`, `updated_at` and `is_deleted`."""

    records: Sequence[Json]
    custom_fields: Sequence[Json] = ()

    def page(self, params: list[tuple[str, str]], options: SandboxOptions) -> tuple[int, list[Json], bool]:
        """The number of a page, its records, and whether another follows."""
        query = lead_query(params, options)
        trash = "only_deleted" in query.extras and not options.only_deleted_ignored
        chosen = [
            each
            for each in self.records
            if bool(each["is_deleted"]) == trash and each["updated_at"] in query.updated
        ]
        chosen.sort(key=lambda each: (each[query.order], each["id"]), reverse=query.descending)
        begin = (query.page - 1) * query.limit
        return query.page, chosen[begin : begin + query.limit], len(chosen) > begin + query.limit
