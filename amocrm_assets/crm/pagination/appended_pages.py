"""One page of a list of records that never change, such as events, and the query for it.

Of a record only `id`, `created_at`, `type` and `account_id` are parsed; the rest stays bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from amocrm_assets.crm.http.responses import NO_CONTENT, RetryableError
from amocrm_assets.crm.pagination.pages import Unusable, has_next, number_of, raw_records
from amocrm_assets.days import MAX_AT

if TYPE_CHECKING:
    from amocrm_assets.crm.http.responses import Response
    from amocrm_assets.entities import RecordList


class AppendedRecord(NamedTuple):
    """A record as one line of JSON. `at` is when it was created, since nothing updates it."""

    id: str
    at: int
    type: str | None
    line: bytes
    account_id: int | None = None

    @property
    def key(self) -> str:
        """Unique within its entity."""
        return self.id


@dataclass(frozen=True)
class AppendedPage:
    """Records in the order of the response. `has_next`: it has `_links.next`."""

    records: tuple[AppendedRecord, ...]
    has_next: bool
    unusable: tuple[Unusable, ...] = ()

    @property
    def size(self) -> int:
        """Number of records in the response."""
        return len(self.records) + len(self.unusable)

    @property
    def times(self) -> list[int]:
        """The seconds of the records."""
        return [record.at for record in self.records]


NO_RECORDS = AppendedPage((), has_next=False)


@dataclass(frozen=True)
class AppendedQuery:
    """A query for the records of some seconds, with the bounds as they are sent. `details` are never requested.

    `max_empty` and `number` are those of `Query`.
    """

    record_list: RecordList
    from_at: int
    to_at: int
    page: int
    limit: int
    details: bool = False
    max_empty: int | None = 1
    number: int = field(default=0, compare=False)

    def params(self) -> dict[str, str | int]:
        """The query as parameters of the URL."""
        params: dict[str, str | int] = {
            "limit": self.limit,
            "page": self.page,
            "filter[created_at][from]": self.from_at,
            "filter[created_at][to]": self.to_at,
        }
        return params | ({"filter[type]": ",".join(self.record_list.types)} if self.record_list.types else {})


def parse_appended(query: AppendedQuery, response: Response) -> AppendedPage:
    """The page in a response; 204 is an empty one. Raises `RetryableError` as `parse_page` does."""
    if response.status == NO_CONTENT:
        return NO_RECORDS
    raws, links = raw_records(response, query.record_list.embedded)
    records = [_record(raw, response) for raw in raws]
    return AppendedPage(
        tuple(each for each in records if isinstance(each, AppendedRecord)),
        has_next(links, response),
        tuple(each for each in records if isinstance(each, Unusable)),
    )


def _record(raw: bytes, response: Response) -> AppendedRecord | Unusable:
    import msgspec

    try:
        head = _head_decoder().decode(raw)
        record_id, created_at, kind, account_id = head.id, head.created_at, head.type, head.account_id
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
        record_id, created_at, kind, account_id = _head_of_odd_json(raw, response)
    at = number_of(created_at)
    if record_id in (None, "") or not isinstance(record_id, int | str) or at is None or at > MAX_AT:
        return Unusable(record_id if isinstance(record_id, int | str) else None, raw)
    kind = kind if isinstance(kind, str) else None
    return AppendedRecord(str(record_id), at, kind, raw, number_of(account_id))


def _head_of_odd_json(raw: bytes, response: Response) -> tuple[Any, Any, Any, Any]:
    try:
        record: dict[str, Any] = json.loads(raw)
        return record.get("id"), record.get("created_at"), record.get("type"), record.get("account_id")
    except (ValueError, AttributeError) as error:
        raise RetryableError("a page whose records are no objects", status=response.status) from error


@cache
def _head_decoder() -> Any:
    import msgspec

    read = ("id", "created_at", "type", "account_id")
    return msgspec.json.Decoder(msgspec.defstruct("AppendedHead", [(name, Any, None) for name in read]))
