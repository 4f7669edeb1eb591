"""The sensor `amocrm_alerts`: looks for problems every half minute, and sends them.

It runs in the code location, independent of runs: a service that is down, slow or refuses messages delays nothing
else.
"""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from functools import cache
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
from amocrm_assets.orchestration.alerts.send import senders, unsupported
from amocrm_assets.orchestration.names import SENSOR
from amocrm_assets.orchestration.resources import AmoCrmDeployment
from amocrm_assets.settings.alerts import VARIABLE, AlertSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.orchestration.alerts.problem import Problem
    from amocrm_assets.settings import SourceSettings

_LOGGER = logging.getLogger("amocrm_assets")
INTERVAL_SECONDS = 30
# Shards and authorisations change slowly, and may be behind a network.
STATE_INTERVAL_SECONDS = 600
# After alerts are switched on, only failures of the last hour are sent.
FIRST_LOOKBACK_SECONDS = 3600


def alerts_sensor(
    sources: Sequence[SourceSettings], wrong_settings: Sequence[Problem] = ()
) -> dg.SensorDefinition:
    """The sensor for all sources of a code location, including broken ones. On by default."""

    @dg.sensor(
        name=SENSOR,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Sends alerts to the addresses in AMOCRM_ALERTS: failed runs, failed error-level checks, late days,"
            " authorisations that expire soon and wrong settings, once per cause and day, and again when resolved."
        ),
    )
    def amocrm_alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        settings, ledger = AlertSettings.from_environment(), Ledger.decode(context.cursor)
        record_problems(
            ledger, context.instance, sources, settings, now=time.time(), wrong_settings=wrong_settings
        )
        ledger.send_due(senders(settings.addresses), now=time.time())
        context.update_cursor(ledger.encode())
        wrong = _unsupported(settings)
        waiting = sum(refusal.times > 0 for refusal in ledger.refusals.values())
        refused = f" {waiting} addresses did not accept their last message; sending is retried." if waiting else ""
        return dg.SkipReason(f"{len(ledger.open)} problems are open.{refused}{wrong}")

    return amocrm_alerts


def _unsupported(settings: AlertSettings) -> str:
    """A sentence about addresses that get no alerts, which is logged, too; the others get them."""
    wrong = unsupported(settings.addresses)
    if not wrong:
        return ""
    sentence = (
        f"No alerts are sent to {', '.join(wrong)} in {VARIABLE}, because Apprise does not support it. Correct it,"
        " and try it with `amocrm-assets alert --test`."
    )
    _warn_once(sentence)
    return f" {sentence}"


@cache
def _warn_once(sentence: str) -> None:
    """Once per process: the sensor runs every half minute."""
    _LOGGER.warning("%s", sentence)


def record_problems(
    ledger: Ledger,
    instance: dg.DagsterInstance,
    sources: Sequence[SourceSettings],
    settings: AlertSettings,
    *,
    now: float,
    wrong_settings: Sequence[Problem] = (),
) -> None:
    """Update the ledger with the problems since the last evaluation."""
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
