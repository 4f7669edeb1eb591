"""The courses of records whose events tell everything, all of them at once.

A course is continuous if each move begins in the stage in which the one before ended, and at a later second, if
the newest row has the stage in which the last move ended, and if the record was never deleted, restored or merged.
Its stays are its first stage and one for each move. `course_of` finds the same, one record after the other: tests
compare both. Nearly all courses are continuous, and NumPy finds their stays in a fraction of the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from amocrm_assets.entities.reference.lists import LOST, WON
from amocrm_assets.rows.stages.ordered import Known
from amocrm_assets.rows.stages.stays import BEFORE, CREATED, EVENT, MOVED, PRESENT

if TYPE_CHECKING:
    import pyarrow as pa

    Array = np.ndarray[Any, Any]
    Entries = dict[str, Array]

_OUTCOMES = {WON: "won", LOST: "lost"}
_NO_OUTCOME = "open"
_NEVER = -(2**63)


def outcome_of(status_id: int | None) -> str | None:
    """What a stage means for the record; None if the stage is unknown."""
    return None if status_id is None else _OUTCOMES.get(status_id, _NO_OUTCOME)


def course_schema() -> pa.Schema:
    """The columns that come from a record's course."""
    import pyarrow as pa

    integer, text, flag = pa.int64(), pa.string(), pa.bool_()
    return pa.schema(
        {
            "record_id": integer, "stage_number": integer, "pipeline_id": integer, "status_id": integer,
            "previous_pipeline_id": integer, "previous_status_id": integer, "outcome": text,
            "visit_number": integer, "entered_at": integer, "left_at": integer, "seconds_in_stage": integer,
            "is_current": flag, "entered_by": integer, "is_deleted": flag, "origin": text,
        }
    )  # fmt: skip


def continuous_courses(known: Known) -> tuple[pa.Table, Known]:
    """The rows of continuous courses, sorted by record and number; and what is known of the other records."""
    event_ids, state_ids = (_integers(table, table.column_names[0]) for table in known)
    ids = np.union1d(event_ids, state_ids)
    of_events, of_states = np.searchsorted(ids, event_ids), np.searchsorted(ids, state_ids)
    moves, is_other = _moves(known.events, of_events, len(ids))
    newest = _newest(known.states, of_states, len(ids))
    is_other |= ~newest.is_complete | _contradicts(newest, moves)
    others = Known(known.events.filter(is_other[of_events]), known.states.filter(is_other[of_states]))
    return _rows(ids, _entries(~is_other, moves, newest)), others


@dataclass(frozen=True)
class _Moves:
    """Moves from one stage to another, sorted by record and time; before and after are pipelines and statuses.

    `first` and `last` are the rows of each record's first and last move, -1 if it has none.
    """

    record: Array
    at: Array
    by: Array
    by_is_known: Array
    before: tuple[Array, Array]
    after: tuple[Array, Array]
    first: Array
    last: Array


@dataclass(frozen=True)
class _Newest:
    """Newest states; `stage_at` is the time of the row with its stage, `at` that of the newest."""

    is_complete: Array
    created_at: Array
    created_by: Array
    stage: tuple[Array, Array]
    stage_at: Array
    at: Array
    is_deleted: Array


def _moves(events: pa.Table, record: Array, count: int) -> tuple[_Moves, Array]:
    """The moves; and whether a record has events of another kind, or moves that do not follow from one another."""
    kind = _integers(events, "kind")
    before, after = ((f"pipeline_id_{side}", f"status_id_{side}") for side in ("before", "after"))
    is_move = (kind == MOVED) & _is_known(events, *before, *after)
    is_move &= np.logical_or.reduce(
        [_integers(events, begin) != _integers(events, end) for begin, end in zip(before, after, strict=True)]
    )
    is_other = np.zeros(count, np.bool_)
    is_other[record[~is_move & (kind != CREATED)]] = True

    record, rows = record[is_move], events.filter(is_move)
    moves = _Moves(
        record,
        _integers(rows, "created_at"),
        _integers(rows, "created_by"),
        _is_known(rows, "created_by"),
        (_integers(rows, before[0]), _integers(rows, before[1])),
        (_integers(rows, after[0]), _integers(rows, after[1])),
        _last_rows(record[::-1], count, reverse=True),
        _last_rows(record, count),
    )
    follows = record[1:] == record[:-1]
    is_gap = moves.at[1:] <= moves.at[:-1]  # also an event that two days have, after a change of the time zone
    for begin, end in zip(moves.before, moves.after, strict=True):
        is_gap |= begin[1:] != end[:-1]
    is_other[record[1:][follows & is_gap]] = True
    return moves, is_other


def _newest(states: pa.Table, record: Array, count: int) -> _Newest:
    has_stage = np.flatnonzero(_is_known(states, "status_id"))
    newest = _last_rows(record, count)
    with_stage = _at(has_stage, _last_rows(record[has_stage], count), nothing=-1)
    names = ("created_at", "created_by", "pipeline_id", "status_id", "updated_at")
    created_at, created_by, pipeline, status, stage_at = (
        _at(_integers(states, name), with_stage) for name in names
    )
    return _Newest(
        _at(_is_known(states, *names), with_stage) & _at(_is_known(states, "updated_at"), newest),
        created_at,
        created_by,
        (pipeline, status),
        stage_at,
        _at(_integers(states, "updated_at"), newest),
        _at(_integers(states, "is_deleted"), newest) == 1,
    )


def _contradicts(newest: _Newest, moves: _Moves) -> Array:
    """Where the newest state, if it is not older than the last move, is another stage, or deleted."""
    has_moved = moves.last >= 0
    moved_at = np.where(has_moved, _at(moves.at, moves.last), _NEVER)
    contradicts = newest.is_deleted & (newest.at >= moved_at)
    for now, after in zip(newest.stage, moves.after, strict=True):
        contradicts |= has_moved & (newest.stage_at >= moved_at) & (now != _at(after, moves.last))
    return contradicts


def _entries(is_chosen: Array, moves: _Moves, newest: _Newest) -> Entries:
    """How stays began, sorted by record: in the first stage of each chosen record, and by each of its moves."""
    chosen, moved = np.flatnonzero(is_chosen), np.flatnonzero(is_chosen[moves.record])
    first = moves.first[chosen]
    has_moved, made_at = first >= 0, newest.created_at[chosen]
    pipeline, status = (
        np.where(has_moved, _at(before, first), now[chosen])
        for before, now in zip(moves.before, newest.stage, strict=True)
    )
    first_stages = {
        "record": chosen,
        "at": made_at,
        "is_dated": ~has_moved | (made_at <= _at(moves.at, first)),  # an integration can set any `created_at`
        "by": newest.created_by[chosen],
        "by_is_known": np.ones(len(chosen), np.bool_),
        "pipeline": pipeline,
        "status": status,
        "origin": np.where(has_moved, BEFORE, PRESENT),
    }
    entered = {
        "record": moves.record[moved],
        "at": moves.at[moved],
        "is_dated": np.ones(len(moved), np.bool_),
        "by": moves.by[moved],
        "by_is_known": moves.by_is_known[moved],
        "pipeline": moves.after[0][moved],
        "status": moves.after[1][moved],
        "origin": np.full(len(moved), EVENT),
    }
    order = np.argsort(np.concatenate([chosen, moves.record[moved]]), kind="stable")
    return {name: np.concatenate([first_stages[name], entered[name]])[order] for name in entered}


def _rows(ids: Array, entries: Entries) -> pa.Table:
    import pyarrow as pa

    record, at, pipeline, status = (entries[name] for name in ("record", "at", "pipeline", "status"))
    is_first, is_last = np.diff(record, prepend=-1) != 0, np.diff(record, append=-1) != 0
    left = np.roll(at, -1)
    columns = {
        "record_id": ids[record],
        "stage_number": _counted(is_first),
        "pipeline_id": pipeline,
        "status_id": status,
        "previous_pipeline_id": pa.array(np.roll(pipeline, 1), mask=is_first),
        "previous_status_id": pa.array(np.roll(status, 1), mask=is_first),
        "outcome": np.select([status == each for each in _OUTCOMES], list(_OUTCOMES.values()), _NO_OUTCOME),
        "visit_number": _visits(record, pipeline, status),
        "entered_at": pa.array(at, mask=~entries["is_dated"]),
        "left_at": pa.array(left, mask=is_last),
        "seconds_in_stage": pa.array(left - at, mask=is_last | ~entries["is_dated"]),
        "is_current": is_last,
        "entered_by": pa.array(entries["by"], mask=~entries["by_is_known"]),
        "is_deleted": np.zeros(len(record), np.bool_),
        "origin": entries["origin"],
    }
    return pa.table(columns, schema=course_schema())


def _visits(record: Array, pipeline: Array, status: Array) -> Array:
    """The number of each row among those of its record with the same stage; rows are sorted by record."""
    keys = (status, pipeline, record)
    order = np.lexsort(keys)  # it is stable
    begins = np.logical_or.reduce([np.diff(key[order], prepend=-1) != 0 for key in keys])
    visits = np.empty(len(order), np.int64)
    visits[order] = _counted(begins)
    return visits


def _counted(begins: Array) -> Array:
    """1, 2, 3, … from each beginning on."""
    row = np.arange(len(begins))
    return row - np.maximum.accumulate(np.where(begins, row, 0)) + 1


def _last_rows(record: Array, count: int, *, reverse: bool = False) -> Array:
    """The last row of each of so many records, -1 if it has none; `reverse` counts rows from the end."""
    last, row = np.full(count, -1), np.arange(len(record))
    last[record] = row[::-1] if reverse else row
    return last


def _at(values: Array, rows: Array, *, nothing: int = 0) -> Array:
    """The values of rows, and nothing for the row -1."""
    return np.append(values, np.asarray(nothing, values.dtype))[rows]


def _integers(table: pa.Table, name: str) -> Array:
    """A column with 0 instead of nulls."""
    import pyarrow as pa

    integers: Array = table[name].cast(pa.int64()).fill_null(0).to_numpy()
    return integers


def _is_known(table: pa.Table, *names: str) -> Array:
    """Where none of the columns is null."""
    known: Array = np.logical_and.reduce([table[name].is_valid().to_numpy() for name in names])
    return known
