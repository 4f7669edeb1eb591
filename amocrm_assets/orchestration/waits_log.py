"""Logs long waits of a run's steps, checks and resources in Dagster's log, once each."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from amocrm_assets.waiting import listen

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import dagster as dg


def waits_logged(log: dg.DagsterLogManager, run_id: str) -> AbstractContextManager[None]:
    """Log each long wait of this process. Of several logs of one run, the last is used."""
    return listen(log.warning, channel=f"run {run_id}")


def resource_waits_logged(context: dg.InitResourceContext | None) -> AbstractContextManager[None]:
    """`waits_logged` for a resource; outside of runs there is no log."""
    if context is None or context.run is None or context.log is None:
        return nullcontext()
    return waits_logged(context.log, context.run.run_id)
