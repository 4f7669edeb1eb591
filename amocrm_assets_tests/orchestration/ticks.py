"""What a schedule asks for at a moment, as Dagster's daemon would ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from datetime import datetime


def tick(
    definitions: dg.Definitions, schedule: str, at: datetime, instance: dg.DagsterInstance
) -> dg.SensorExecutionData:
    """The tick of the schedule of that name."""
    definition = definitions.resolve_schedule_def(schedule)
    assert isinstance(definition, dg.ScheduleDefinition)
    # A context that is not left leaves the instance that it opened to the garbage collection.
    with dg.build_schedule_context(
        instance, scheduled_execution_time=at, repository_def=definitions.get_repository_def()
    ) as context:
        return definition.evaluate_tick(context)
