"""One page of a list of records that never change, such as events, and the question that it answers.

Of a record only `id`, `created_at`, `type` and `account_id` are looked at; the rest stays bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from amocrm_assets.crm.http.responses import NO_CONTENT, RetryableError
from amocrm_assets.crm.pagination.pages import Unusable, has_next, number_of, raw_records

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
        """What tells it apart from the other records of its entity."""
        return self.id


@dataclass(frozen=True)
class AppendedPage:
    """Records in the order of the answer. `has_next` is amoCRM's own word, from `_links.next`."""

    records: tuple[AppendedRecord, ...]
    has_next: bool
    unusable: tuple[Unusable, ...] = ()

    @property
    def size(self) -> int:
        """How many records the answer held."""
        return len(self.records) + len(self.unusable)


NO_RECORDS = AppendedPage((), has_next=False)


@dataclass(frozen=True)
class AppendedQuery:
    """One question: the records of some seconds, the bounds as they are sent. `details` is never asked for."""

    record_list: RecordList
    from_at: int
    to_at: int
    page: int
    limit: int
    details: bool = False

    def params(self) -> dict[str, str | int]:
        """The question as amoCRM wants it in the address."""
        params: dict[str, str | int] = {
            "limit": self.limit,
            "page": self.page,
            "filter[created_at][from]": self.from_at,
            "filter[created_at][to]": self.to_at,
        }
        return params | ({"filter[type]": ",".join(self.record_list.types)} if self.record_list.types else {})


def parse_appended(query: AppendedQuery, answer: Response) -> AppendedPage:
    """The page in an answer; 204 is an empty one. Raises `RetryableError` as `parse_page` does."""
    if answer.status == NO_CONTENT:
        return NO_RECORDS
    raws, links = raw_records(answer, query.record_list.embedded)
    records = [_record(raw, answer) for raw in raws]
    return AppendedPage(
        tuple(each for each in records if isinstance(each, AppendedRecord)),
        has_next(links, answer),
        tuple(each for each in records if isinstance(each, Unusable)),
    )


def _record(raw: bytes, answer: Response) -> AppendedRecord | Unusable:
    import msgspec

    try:
        head = _head_decoder().decode(raw)
        record_id, created_at, kind, account_id = head.id, head.created_at, head.type, head.account_id
    except (msgspec.DecodeError, msgspec.ValidationError):
        record_id, created_at, kind, account_id = _head_of_odd_json(raw, answer)
    at = number_of(created_at)
    if record_id in (None, "") or not isinstance(record_id, int | str) or at is None:
        return Unusable(record_id if isinstance(record_id, int | str) else None, raw)
    kind = kind if isinstance(kind, str) else None
    return AppendedRecord(str(record_id), at, kind, raw, number_of(account_id))


def _head_of_odd_json(raw: bytes, answer: Response) -> tuple[Any, Any, Any, Any]:
    try:
        record: dict[str, Any] = json.loads(raw)
        return record.get("id"), record.get("created_at"), record.get("type"), record.get("account_id")
    except (ValueError, AttributeError) as error:
        raise RetryableError("a page whose records are no objects", status=answer.status) from error


@cache
def _head_decoder() -> Any:
    import msgspec

    read = ("id", "created_at", "type", "account_id")
    return msgspec.json.Decoder(msgspec.defstruct("AppendedHead", [(name, Any, None) for name in read]))
