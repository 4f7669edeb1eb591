"""The sensor `amocrm_alerts`: looks every half minute what went wrong, and tells it.

It runs in the code location, apart from every run: a service that is down, slow or refuses delays nothing else.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from amocrm_assets.orchestration.alerts.collect import (
    Found,
    ended_runs,
    find_in_authorisation,
    find_in_run,
    find_in_settings,
    find_in_shards,
)
from amocrm_assets.orchestration.alerts.ledger import Ledger
from amocrm_assets.orchestration.alerts.send import senders
from amocrm_assets.orchestration.names import SENSOR
from amocrm_assets.orchestration.resources import AmoCrmDeployment
from amocrm_assets.settings.alerts import AlertSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.orchestration.alerts.problem import Problem
    from amocrm_assets.settings import SourceSettings

INTERVAL_SECONDS = 30
# Shards and authorisations change slowly, and may be behind a network.
STATE_INTERVAL_SECONDS = 600
# When alerts are switched on, failures of the last hour are told, and not those of years.
FIRST_LOOKBACK_SECONDS = 3600


def alerts_sensor(
    sources: Sequence[SourceSettings], wrong_settings: Sequence[Problem] = ()
) -> dg.SensorDefinition:
    """The sensor for all sources of a code location, and for those whose settings are wrong. On from the start."""

    @dg.sensor(
        name=SENSOR,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Tells the addresses in AMOCRM_ALERTS of failed runs, failed error-level checks, late days,"
            " authorisations that end soon and wrong settings: once per cause and day, and again when it is over."
        ),
    )
    def amocrm_alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        settings, ledger = AlertSettings.from_environment(), Ledger.decode(context.cursor)
        record_problems(
            ledger, context.instance, sources, settings, now=time.time(), wrong_settings=wrong_settings
        )
        ledger.send_due(senders(settings.addresses), now=time.time())
        context.update_cursor(ledger.encode())
        waiting = sum(refusal.times > 0 for refusal in ledger.refusals.values())
        refused = f" {waiting} addresses did not take their last message, and are tried again." if waiting else ""
        return dg.SkipReason(f"{len(ledger.open)} problems are open.{refused}")

    return amocrm_alerts


def record_problems(
    ledger: Ledger,
    instance: dg.DagsterInstance,
    sources: Sequence[SourceSettings],
    settings: AlertSettings,
    *,
    now: float,
    wrong_settings: Sequence[Problem] = (),
) -> None:
    """Keep in the ledger what has happened since the last evaluation."""
    found = Found()
    ledger.seen_until = ledger.seen_until or now - FIRST_LOOKBACK_SECONDS
    for record in ended_runs(instance, since=ledger.seen_until):
        find_in_run(found, record, instance, sources)
        ledger.seen_until = record.update_timestamp.timestamp()
    find_in_settings(found, wrong_settings, known=ledger.open)
    moment = datetime.fromtimestamp(now, UTC)
    if now - ledger.state_seen_at >= STATE_INTERVAL_SECONDS:
        deployment = AmoCrmDeployment()
        for source in sources:
            find_in_shards(found, source, instance, now=moment)
            find_in_authorisation(found, source, deployment, now=moment)
        ledger.state_seen_at = now
    ledger.note(found.problems.values(), over=found.over, today=moment.date().isoformat(), ui_url=settings.ui_url)
