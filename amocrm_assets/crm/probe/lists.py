"""Questions about another list that a source imports: filters, their bounds, types, and its trash.

Its reader verifies each page itself. The answers save it requests, or show beforehand that it will fail.
Questions about orders are in `list_orders`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from amocrm_assets.crm.probe import list_orders
from amocrm_assets.crm.probe.list_samples import ListSamples
from amocrm_assets.crm.probe.question import Question
from amocrm_assets.crm.probe.samples import NEWEST
from amocrm_assets.crm.probe.verdict import NotSettled, Refused, Verdict
from amocrm_assets.days import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from amocrm_assets.crm.probe.samples import Samples
    from amocrm_assets.entities import Entity

Json = dict[str, Any]
# This many records of a page are compared with the same seconds of the list without a filter by type.
COMPARED = 20


def questions_of(entity: Entity) -> Iterator[Question]:
    """The questions about an entity's list, in their order, except those of `bounds_of`."""
    name, live = entity.name, entity.live
    yield _question(entity, "page_size", f"a page of {name}", page_size)
    yield _question(entity, "filters", f"{name} of one second", filters)
    if live.kind == "appended":
        yield _question(entity, "order", f"{name}, without an order", list_orders.order_of_appended)
        yield _question(entity, "unnamed_types", f"{name} of some seconds, no type named", unnamed_types)
    else:
        yield _question(entity, "order", f"{name} by `order[updated_at]`, both ways", list_orders.order)
    if live.kind == "by_id":
        yield _question(
            entity, "id_order", f"{name} by `order[id]` beside a filter, both ways", list_orders.id_order
        )
    if live.types:
        yield _question(entity, "types", f"{name} by `filter[{live.type_property}]`", types)
    if entity.deleted:
        yield _question(entity, "only_deleted", f"{name} with `with=only_deleted`", only_deleted)


def bounds_of(entity: Entity) -> Iterator[Question]:
    """The questions about the bounds of windows, which take most requests if they are exclusive."""
    name = entity.name
    asked = {"from": "begins", "to": "ends"}
    for end, does in asked.items():
        yield _question(
            entity,
            f"{end}_inclusive",
            f"{name} of a window that {does} in a record's second",
            partial(bound, end=end),
        )


def _question(entity: Entity, key: str, asked: str, settle: Callable[[ListSamples], Verdict]) -> Question:
    return Question(f"{key}_{entity.name}", asked, partial(_settled, entity=entity, settle=settle))


def _settled(samples: Samples, entity: Entity, settle: Callable[[ListSamples], Verdict]) -> Verdict:
    if entity.name not in samples.others:
        samples.others[entity.name] = ListSamples(
            samples.asker, entity, has_exclusive_bounds=samples.has_exclusive_bounds
        )
    return settle(samples.others[entity.name])


def page_size(sample: ListSamples) -> Verdict:
    """The number of records on a page, from one that has a next page."""
    found = sample.newest
    if not found.has_next:
        raise NotSettled(f"the list has {len(found.records)} records, which fit one page")
    size = len(found.records)
    return Verdict(size, f"{size} records, and a next page", "Readings begin with pages of that size.")


def filters(sample: ListSamples) -> Verdict:
    """Whether responses contain records outside of a window."""
    around = Window(sample.second - 1, sample.second + 1)
    window = around if sample.has_exclusive_bounds else Window(sample.second, sample.second)
    for again in (False, True):
        strange = [at for at in sample.seconds(sample.window(window, again=again).records) if not window.holds(at)]
        if not strange:
            if not _holds(sample, window) and not _holds(sample, around):
                raise NotSettled("the record in question was edited meanwhile")
            return Verdict(
                value=True, observed="only records of the window", conclusion="Days are read by filter."
            )
    follows = {
        "moving": "Days are read with all newer records: nothing is lost, more requests are needed.",
        "by_id": "Days are read with the whole list, or not at all.",
        "appended": "Nothing proves that a reading is complete, so it fails.",
    }
    return Verdict(
        value=False,
        observed="records outside of the window, twice",
        conclusion=follows[sample.record_list.kind],
    )


def bound(sample: ListSamples, end: str) -> Verdict:
    """Whether a window includes its own first or last second; a single second with its records includes both."""
    if not filters(sample).value:
        raise NotSettled("the account ignores filters")
    second = sample.second
    is_exclusive = sample.has_exclusive_bounds
    both = not is_exclusive and _holds(sample, Window(second, second))
    at_first = both or _holds(sample, Window(second, second + 1))
    # One of the bounds of a single second is exclusive: the last one, if a record on the first bound is returned.
    at_last = both or ((is_exclusive or not at_first) and _holds(sample, Window(second - 1, second)))
    if at_first if end == "from" else at_last:
        return Verdict(
            value=True,
            observed=f"the record with exactly this time as `[{end}]` was returned",
            conclusion=f"`[{end}]` is inclusive.",
        )
    is_proven = at_last if end == "from" else at_first and not is_exclusive
    if not is_proven and not sample.is_still_there:
        raise NotSettled("the record in question was edited meanwhile")
    return Verdict(
        value=False,
        observed=f"the record with exactly this time as `[{end}]` was not returned; in a wider window it was,"
        " before and after",
        conclusion=f"`[{end}]` is exclusive: windows are requested with one second more.",
    )


def types(sample: ListSamples) -> Verdict:
    """Whether responses contain records of types that were not requested."""
    record_list = sample.record_list
    named, name = set(record_list.types), record_list.type_property
    if any(each.get(name) not in named for each in sample.newest.records):
        return Verdict(
            value=False,
            observed="records of other types",
            conclusion="Other types are discarded; more requests are needed.",
        )
    others = _around(sample, types=False) if record_list.kind == "appended" else sample.unnamed().records
    if all(each.get(name) in named for each in others):
        raise NotSettled("no record of another type came without the filter either")
    return Verdict(
        value=True, observed="only records of the named types", conclusion="Types are requested by name."
    )


def unnamed_types(sample: ListSamples) -> Verdict:
    """Whether records are missing without a filter by type."""
    named = {str(each.get("id")) for each in _around(sample, types=True)}
    found = sample.window(_recent(sample), types=False)
    missing = named - {str(each.get("id")) for each in found.records}
    if not missing:
        return Verdict("complete", f"all of {len(named)} records", "Types are requested by name in any case.")
    if found.has_next:
        raise NotSettled("the seconds in question hold more records than a page")
    return Verdict(
        "left out", f"{len(missing)} of {len(named)} records were not returned", "Types are requested by name."
    )


def only_deleted(sample: ListSamples) -> Verdict:
    """What `with=only_deleted` gives."""
    record_list = sample.entity.deleted
    if record_list is None:
        raise NotSettled("the list has no trash")
    for again in (False, True):
        try:
            records = sample.page(record_list, NEWEST, again=again).records
        except Refused as refused:
            return refused.verdict("Set `import_deleted: false`: runs fail until then.")
        kinds = {bool(each.get("is_deleted")) for each in records}
        if False not in kinds:
            return Verdict("known", "deleted records alone, or none", "Deleted records are read.")
    found = "mixed" if True in kinds else "ignored"
    return Verdict(
        found, "records that are not deleted", "Deleted records are missing and `reading_complete` fails."
    )


def _holds(sample: ListSamples, window: Window) -> bool:
    return sample.second in sample.seconds(sample.window(window).records)


def _recent(sample: ListSamples) -> Window:
    """The times of some records of the first page, the newest of them."""
    seconds = sorted(sample.seconds(sample.newest.records))[-COMPARED:]
    return Window(seconds[0] - 1, seconds[-1] + 1)


def _around(sample: ListSamples, *, types: bool) -> list[Json]:
    window = _recent(sample)
    if not types:
        return sample.window(window, types=False).records
    return [each for each in sample.newest.records if (at := sample.time(each)) is not None and window.holds(at)]
