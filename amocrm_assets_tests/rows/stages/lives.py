"""What is known of random records: their events and rows, in the order in which DuckDB sorts them."""

from __future__ import annotations

from random import Random
from typing import Any

import pyarrow as pa

from amocrm_assets.rows.stages.ordered import Known
from amocrm_assets.rows.stages.stays import CREATED, DELETED, MERGED, MOVED, RESTORED

STAGES = [(11, 21), (11, 22), (12, 21), (11, 142), (11, 143)]
EVENTS = pa.schema(
    {
        "entity_id": pa.int64(), "id": pa.string(), "created_at": pa.int64(), "kind": pa.int8(),
        "created_by": pa.int64(), "pipeline_id_before": pa.int64(), "status_id_before": pa.int64(),
        "pipeline_id_after": pa.int64(), "status_id_after": pa.int64(),
    }
)  # fmt: skip
STATES = pa.schema(
    {
        "id": pa.int64(), "updated_at": pa.int64(), "created_at": pa.int64(), "created_by": pa.int64(),
        "pipeline_id": pa.int64(), "status_id": pa.int64(), "is_deleted": pa.bool_(),
    }
)  # fmt: skip


def life(chance: Random, record_id: int, *, oddity: float) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Events and rows of a record: each of its steps is odd with this probability."""

    def odd() -> bool:
        return chance.random() < oddity

    def maybe(value: int) -> int | None:
        return None if odd() else value

    at, stage = 1000 + chance.randrange(3), chance.choice(STAGES)
    events: list[tuple[Any, ...]] = []
    states: list[tuple[Any, ...]] = []
    if chance.random() < 0.5:
        events.append((record_id, f"{record_id}-0", at, CREATED, 3, None, None, None, None))
    made_at = at + (chance.randrange(200) if odd() else 0)
    for number in range(1, chance.randrange(6)):
        at += 0 if odd() else chance.randrange(1, 50)
        kind = chance.choice([DELETED, RESTORED, MERGED, CREATED]) if odd() else MOVED
        before, after = chance.choice(STAGES) if odd() else stage, chance.choice(STAGES)
        if kind == MOVED and (after != before or odd()):
            sides = (maybe(before[0]), maybe(before[1]), maybe(after[0]), maybe(after[1]))
            events.append((record_id, f"{record_id}-{number}", at, MOVED, maybe(7), *sides))
            stage = after
        elif kind != MOVED:
            events.append((record_id, f"{record_id}-{number}", at, kind, 7, None, None, None, None))
        if odd():
            events.append(events[-1] if events else (record_id, "x", at, CREATED, 3, None, None, None, None))
        known = chance.choice(STAGES) if odd() else stage
        states.append((record_id, maybe(at), maybe(made_at), maybe(3), maybe(known[0]), maybe(known[1]), odd()))
    if odd():  # nothing but the trash's stub is known
        states = [(record_id, at, None, None, None, None, not odd())]
    else:  # the newest row, which may contradict the events, or be older than the last of them
        now = chance.choice(STAGES) if oddity and chance.random() < 0.3 else stage
        seen_at = at + chance.randrange(-3 if oddity else 0, 9)
        states.append((record_id, seen_at, made_at, 3, *now, bool(oddity) and chance.random() < 0.2))
    return events, states


def known_of(seed: int, *, oddity: float, records: int = 12) -> Known:
    chance = Random(seed)
    lives = [life(chance, record_id, oddity=oddity) for record_id in range(1, records + 1)]
    events = sorted(
        (each for found, _ in lives for each in found), key=lambda each: (each[0], each[2], each[3], each[1])
    )
    states = sorted((each for _, found in lives for each in found), key=lambda each: (each[0], each[1] or 0))
    return Known(table(events, EVENTS), table(states, STATES))


def table(rows: list[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema)
