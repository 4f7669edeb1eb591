"""The rows of the courses of many records: most of them together, the others one by one."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from amocrm_assets.rows.stages.continuous import continuous_courses, course_schema, outcome_of
from amocrm_assets.rows.stages.stays import UNDATED, Happened, State, course_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    from amocrm_assets.rows.stages.ordered import Known
    from amocrm_assets.rows.stages.stays import Course, StageId, Stay

    Row = tuple[Any, ...]


def course_rows(known: Known) -> pa.Table:
    """The columns of `course_schema` for all records, sorted by record and `stage_number`."""
    import pyarrow as pa

    rows, others = continuous_courses(known)
    if not others.events.num_rows and not others.states.num_rows:
        return rows
    rows = pa.concat_tables([rows, courses_one_by_one(others)])
    return rows.sort_by([("record_id", "ascending"), ("stage_number", "ascending")])


def courses_one_by_one(known: Known) -> pa.Table:
    """The same by `course_of`, whatever is known of the records."""
    import pyarrow as pa

    schema = course_schema()
    rows = [
        row
        for record_id, happened, state in _records(known)
        for row in _rows(record_id, course_of(happened, state))
    ]
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    return pa.table([pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)], schema)


def _records(known: Known) -> Iterator[tuple[int, list[Happened], State | None]]:
    """Each record's id, events and newest state."""
    events = {record_id: _happened(rows) for record_id, rows in _by_record(known.events)}
    states = {record_id: _state(rows) for record_id, rows in _by_record(known.states)}
    for record_id in sorted(events.keys() | states.keys()):
        yield record_id, events.get(record_id, []), states.get(record_id)


def _by_record(table: pa.Table) -> Iterator[tuple[int, Iterator[Row]]]:
    rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
    return groupby(rows, key=itemgetter(0))


def _happened(rows: Iterable[Row]) -> list[Happened]:
    """The events of a record without duplicates: after a change of the time zone, two days may have the same."""
    happened, last = [], None
    for _, event_id, at, kind, by, pipeline, status, other_pipeline, other_status in rows:
        if event_id != last:
            before, after = _stage(pipeline, status), _stage(other_pipeline, other_status)
            happened.append(Happened(at, kind, by, before, after))
        last = event_id
    return happened


def _state(versions: Iterable[Row]) -> State:
    """The newest state of a record; its stage comes from the newest row that is not a stub."""
    *_, newest = rows = list(versions)
    _, at, created_at, created_by, pipeline, status, _ = next(
        (row for row in reversed(rows) if row[5] is not None), newest
    )
    return State(created_at, created_by, _stage(pipeline, status), _dated(at), newest[6], _dated(newest[1]))


def _dated(updated_at: int | None) -> int:
    return UNDATED if updated_at is None else updated_at


def _stage(pipeline_id: int | None, status_id: int | None) -> StageId | None:
    return None if status_id is None else (pipeline_id, status_id)


def _rows(record_id: int, course: Course) -> Iterator[Row]:
    """The rows of a record: its id, and the other columns of `course_schema`."""
    visits: dict[StageId | None, int] = {}
    before: StageId | None = None
    last = len(course.stays)
    for number, stay in enumerate(course.stays, 1):
        stage = stay.stage
        visits[stage] = visits.get(stage, 0) + 1
        pipeline_id, status_id = stage or (None, None)
        yield (
            record_id, number, pipeline_id, status_id, *(before or (None, None)), outcome_of(status_id),
            visits[stage], stay.entered_at, stay.left_at, _seconds(stay),
            number == last and not course.is_deleted, stay.by, course.is_deleted, stay.origin,
        )  # fmt: skip
        before = stage


def _seconds(stay: Stay) -> int | None:
    return None if stay.left_at is None or stay.entered_at is None else stay.left_at - stay.entered_at
