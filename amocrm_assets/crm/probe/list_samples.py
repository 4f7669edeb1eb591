"""Pages of another list that a source imports; each is requested once.

The queries are those of the list's reader, so that the answers apply to it.
"""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from amocrm_assets.crm.pagination import PAGE_LIMIT, Query
from amocrm_assets.crm.pagination.appended_pages import AppendedQuery
from amocrm_assets.crm.pagination.pages import number_of
from amocrm_assets.crm.probe.samples import NEWEST, quiet_second
from amocrm_assets.crm.probe.verdict import NotSettled
from amocrm_assets.days import Window

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from amocrm_assets.crm.pagination.query import Order
    from amocrm_assets.crm.probe.asking import Asker, Records
    from amocrm_assets.entities import Entity, RecordList

Json = dict[str, Any]
_DAY_SECONDS = 86_400


class ListSamples:
    """What is known about an entity's list while it is probed. Every method may raise `NotSettled`.

    `has_exclusive_bounds`: bounds are not inclusive in another list of the account, so probably not in this one.
    This saves requests for windows of a single second.
    """

    def __init__(self, asker: Asker, entity: Entity, *, has_exclusive_bounds: bool = False) -> None:
        self._asker = asker
        self.entity = entity
        self.has_exclusive_bounds = has_exclusive_bounds
        self._known: dict[str, Records | NotSettled] = {}
        self._until = int(time.time()) + _DAY_SECONDS

    @cached_property
    def record_list(self) -> RecordList:
        """The first of the entity's lists that has records, or its first one."""
        live = self.entity.live
        return next((each for each in (live, *self.entity.others) if self._newest(each).records), live)

    @property
    def newest(self) -> Records:
        """The first page of the list, the newest records first if it supports that order."""
        found = self._newest(self.record_list)
        if not found.records:
            raise NotSettled("the list is empty")
        return found

    def page(
        self, record_list: RecordList, order: Order, window: Window | None = None, *, again: bool = False
    ) -> Records:
        """The first page of a list that supports orders."""
        ends = (window.from_at, window.to_at) if window else (None, None)
        return self._request(record_list, Query(record_list, order, *ends).params(), again=again)

    def window(self, window: Window, *, types: bool = True, again: bool = False) -> Records:
        """The first page of the records of some seconds, with these bounds; of all `types` on request."""
        record_list = self.record_list
        if record_list.kind == "appended":
            limit = record_list.max_limit or PAGE_LIMIT
            params: Json = dict(AppendedQuery(record_list, window.from_at, window.to_at, 1, limit).params())
        else:
            order: Order = "id asc" if record_list.kind == "by_id" else NEWEST
            params = Query(record_list, order, window.from_at, window.to_at).params()
        return self._request(record_list, params if types else self._of_any_type(params), again=again)

    def unnamed(self) -> Records:
        """The first page of the list, without a filter by type."""
        return self._request(self.record_list, self._of_any_type(Query(self.record_list, NEWEST).params()))

    def time(self, record: Json) -> int | None:
        """The time of a record by which the list is filtered."""
        return number_of(record.get("created_at" if self.record_list.kind == "appended" else "updated_at"))

    def seconds(self, records: Sequence[Json]) -> list[int]:
        """The times of all records that have one."""
        return [at for each in records if (at := self.time(each)) is not None]

    @cached_property
    def second(self) -> int:
        """A second with as few records as possible, which nobody is likely to edit now."""
        seconds = self.seconds(self.newest.records)
        if len(set(seconds)) <= 1:
            raise NotSettled("all records that came share one second")
        return quiet_second(seconds)

    @cached_property
    def is_still_there(self) -> bool:
        """Whether a record of that second is in a window around it, requested once more."""
        around = Window(self.second - 1, self.second + 1)
        return self.second in self.seconds(self.window(around, again=True).records)

    def _newest(self, record_list: RecordList) -> Records:
        if record_list.kind != "appended":
            # An order that is not documented may be refused.
            return self.page(record_list, "id desc" if record_list.kind == "by_id" else NEWEST)
        limit = record_list.max_limit or PAGE_LIMIT
        return self._request(record_list, AppendedQuery(record_list, 1, self._until, 1, limit).params())

    def _of_any_type(self, params: Mapping[str, Any]) -> Json:
        name = f"filter[{self.record_list.type_property}]"
        return {each: value for each, value in params.items() if each not in {name, f"{name}[]"}}

    def _request(self, record_list: RecordList, params: Mapping[str, Any], *, again: bool = False) -> Records:
        key = f"{record_list.path} {sorted(params.items())}"
        if again or key not in self._known:
            try:
                self._known[key] = self._asker.records(record_list.path, params)
            except NotSettled as reason:  # what was refused once is not requested again
                self._known[key] = reason
        found = self._known[key]
        if isinstance(found, NotSettled):
            raise found
        return found
