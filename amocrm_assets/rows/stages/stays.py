"""The stays of one record in stages, inferred from its events and its newest known state. Pure: no I/O, no clock.

A move event has the stage before and after it; a creation event has no stage. So the first stage is the stage
before the first move, or the present stage if there are no moves. If the stage before a move is not the stage that
the record was in, a move is missing: the stage in between gets a stay without `entered_at`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, pairwise, permutations
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    Origin = Literal["event", "first_value_before", "present_state"]

StageId = tuple[int | None, int]
"""Pipeline id and status id. None instead of the pair means an unknown stage."""

CREATED, RESTORED, MOVED, DELETED, MERGED = range(5)
"""Kinds of events; events of the same second are sorted in this order."""

EVENT: Origin = "event"
BEFORE: Origin = "first_value_before"
PRESENT: Origin = "present_state"
# Up to this many moves of one second are tried in all orders; more are sorted by event id.
_MAX_TIED = 5
_NEVER = -(2**63)
UNDATED = _NEVER + 1
"""Replaces an `updated_at` that is null."""


class Happened(NamedTuple):
    """An event. Events of a record are sorted by (`at`, `kind`, id)."""

    at: int
    kind: int
    by: int | None
    before: StageId | None = None
    after: StageId | None = None


class State(NamedTuple):
    """The newest known state of a record.

    `stage` is from the row with `updated_at` = `stage_at`, `is_deleted` from the row of `newest_at`.
    """

    created_at: int | None
    created_by: int | None
    stage: StageId | None
    stage_at: int
    is_deleted: bool
    newest_at: int


@dataclass(slots=True)
class Stay:
    """A stay in a stage. Times are None if unknown; `left_at` is also None for a stay that has not ended."""

    stage: StageId | None
    entered_at: int | None
    left_at: int | None
    by: int | None
    origin: Origin


class Course(NamedTuple):
    """All stays of a record, in order, and whether it is deleted now; if not, the last stay has not ended."""

    stays: list[Stay]
    is_deleted: bool


def course_of(happened: Sequence[Happened], state: State | None) -> Course:
    """The course of a record. It has no stays if no event and no state shows that the record was in a stage."""
    moves = _moves(happened, state)
    builder = _first(happened, moves, state)
    if builder is None:
        return Course([], is_deleted=False)
    in_order = iter(moves)
    decided_at, last_move_at = _NEVER, _NEVER
    for each in happened:
        if each.kind == MOVED and each.before != each.after:
            builder.move(next(in_order))
            decided_at = last_move_at = each.at
        elif each.kind == RESTORED:
            builder.restore(each)
            decided_at = each.at
        elif each.kind == DELETED or (each.kind == MERGED and _is_gone(each, happened, state)):
            builder.delete(each.at)
            decided_at = each.at
    if state:
        builder.add_state(state, last_move_at=last_move_at, decided_at=decided_at)
    return Course(builder.stays, builder.is_deleted)


class _CourseBuilder:
    """Builds the stays of a record from its events, in their order, and its newest state."""

    def __init__(self, stay: Stay) -> None:
        self.stays = [stay]
        self.is_deleted = False
        self._restored_at: int | None = None

    def move(self, each: Happened) -> None:
        """The record moved from one stage to another."""
        stage = self.stays[-1].stage
        if stage is None:
            self._set_stage(each.before, BEFORE)
        elif each.before is not None and each.before != stage:
            self._enter_unseen(each.before, BEFORE)
        elif each.before is None and each.after == stage:
            return
        if self._restored_at == each.at:  # it was restored to another stage than it was deleted in
            self.stays.pop()
            self.is_deleted = True
        self._enter(Stay(each.after, each.at, None, each.by, EVENT))

    def restore(self, each: Happened) -> None:
        """The record was restored from the trash, to the stage that it was deleted in."""
        self.delete(None)  # if there was no event of the deletion
        self._enter(Stay(self.stays[-1].stage, each.at, None, each.by, EVENT))
        self._restored_at = each.at

    def delete(self, at: int | None) -> None:
        """The record was moved to the trash, at a known or unknown time: that ends its stay."""
        if not self.is_deleted:
            self._leave(at)
            self.is_deleted = True

    def add_state(self, state: State, *, last_move_at: int, decided_at: int) -> None:
        """Apply the newest state, as far as it is not older than the events.

        `last_move_at` is the time of the last move, `decided_at` that of the last move, deletion or restoration.
        """
        stage = self.stays[-1].stage
        if state.stage is not None and state.stage_at >= last_move_at:
            if stage is None:
                self._set_stage(state.stage, PRESENT)
            elif state.stage != stage:
                self._enter_unseen(state.stage, PRESENT)
        if state.newest_at < decided_at:
            return
        if state.is_deleted:
            self.delete(None if state.newest_at == UNDATED else state.newest_at)
        elif self.is_deleted:
            self._enter(Stay(self.stays[-1].stage, None, None, None, PRESENT))

    def _set_stage(self, stage: StageId | None, origin: Origin) -> None:
        """Set the stage of the last stay, which was unknown."""
        if stage is not None:
            self.stays[-1].stage, self.stays[-1].origin = stage, origin

    def _enter(self, stay: Stay) -> None:
        if not self.is_deleted:
            self._leave(stay.entered_at)
        self.is_deleted = False
        self._restored_at = None
        self.stays.append(stay)

    def _enter_unseen(self, stage: StageId, origin: Origin) -> None:
        """The record moved to a stage at an unknown time, without an event."""
        last = self.stays[-1]
        self.stays.append(Stay(stage, None, last.left_at, None, origin))
        last.left_at = None
        self._restored_at = None

    def _leave(self, at: int | None) -> None:
        last = self.stays[-1]
        is_possible = at is not None and (last.entered_at is None or last.entered_at <= at)
        last.left_at = at if is_possible else None


def _first(happened: Sequence[Happened], moves: Sequence[Happened], state: State | None) -> _CourseBuilder | None:
    """A builder with the first stay, which begins at the record's creation; None if there was no stay."""
    added = next((each for each in happened if each.kind == CREATED), None)
    at, by = (state.created_at, state.created_by) if state else (None, None)
    if added:
        at, by = added.at if at is None else at, added.by if by is None else by
    later = next((each.at for each in happened if each.kind != CREATED), None)
    if at is not None and later is not None and at > later:
        at = None  # an integration can set any `created_at`
    if moves:
        return _CourseBuilder(Stay(moves[0].before, at, None, by, BEFORE))
    if state and state.stage is not None:
        return _CourseBuilder(Stay(state.stage, at, None, by, PRESENT))
    return _CourseBuilder(Stay(None, at, None, by, EVENT)) if added else None


def _is_gone(merged: Happened, happened: Sequence[Happened], state: State | None) -> bool:
    """Whether the record was merged into another one and no longer exists.

    amoCRM does not say which of the two records the event belongs to; the remaining one is updated at the same
    time or later.
    """
    return merged is happened[-1] and state is not None and state.newest_at < merged.at


def _moves(happened: Sequence[Happened], state: State | None) -> list[Happened]:
    """The moves in order. Events with the same stage before and after occur; they are not moves."""
    moves = [each for each in happened if each.kind == MOVED and each.before != each.after]
    if len({each.at for each in moves}) < len(moves):
        present = state.stage if state and moves[-1].at <= state.stage_at else None
        return _untied(moves, present)
    return moves


def _untied(moves: Sequence[Happened], present: StageId | None) -> list[Happened]:
    """Moves; those of the same second are ordered so that the fewest moves are missing in all of them together.

    For each stage in which the moves up to a second can end, the best order that ends there is kept: what follows
    may decide which one is right. Among equal ones it is the order of ids.
    """
    ends: dict[StageId | None, _Ordered] = {None: _Ordered(0, (), None)}
    for _, group in groupby(moves, key=lambda each: each.at):
        tied = tuple(group)
        reached: dict[StageId | None, _Ordered] = {}
        for order in permutations(tied) if 1 < len(tied) <= _MAX_TIED else [tied]:
            inner = sum(_is_gap(one.after, next_.before) for one, next_ in pairwise(order))
            for stage, before in ends.items():
                gaps = before.gaps + _is_gap(stage, order[0].before) + inner
                end = order[-1].after
                if end not in reached or gaps < reached[end].gaps:
                    reached[end] = _Ordered(gaps, order, before)
        ends = reached
    best = min(ends, key=lambda stage: ends[stage].gaps + _is_gap(stage, present))
    return ends[best].moves()


class _Ordered(NamedTuple):
    """Moves of one second in an order, behind those of the seconds before; `gaps` are missing moves up to here."""

    gaps: int
    order: Sequence[Happened]
    before: _Ordered | None

    def moves(self) -> list[Happened]:
        """All moves up to here."""
        orders, ordered = [], self
        while ordered.before is not None:
            orders.append(ordered.order)
            ordered = ordered.before
        return [each for order in reversed(orders) for each in order]


def _is_gap(end: StageId | None, begin: StageId | None) -> bool:
    """Whether a move is missing between the end of one and the beginning of another."""
    return end is not None and begin is not None and end != begin
