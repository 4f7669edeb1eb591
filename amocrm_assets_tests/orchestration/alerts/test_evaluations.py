"""What an evaluation of the sensor looks at, and when. For whole evaluations see `test_sensor`."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from amocrm_assets.orchestration.alerts import sensor
from amocrm_assets.orchestration.alerts.ledger import Ledger, OpenProblem, Refusal
from amocrm_assets.orchestration.alerts.problem import Problem
from amocrm_assets.orchestration.alerts.sensor import (
    FIRST_LOOKBACK_SECONDS,
    STATE_INTERVAL_SECONDS,
    alerts_sensor,
    record_problems,
)
from amocrm_assets.settings.alerts import VARIABLE, AlertSettings
from amocrm_assets_tests.accounts import source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amocrm_assets.orchestration.alerts.collect import Found

NOW = 1_000_000.0
SOURCES = [source(subdomain="acme"), source(subdomain="shop")]


def problem(key: str) -> Problem:
    return Problem(key, "acme", "w", "c", "f")


class Looks:
    """Notes what an evaluation looks at; each look finds a problem of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *ends: float) -> None:
        self.since: list[float] = []
        self.states: list[tuple[str, str]] = []

        def ended(_: object, *, since: float) -> Iterable[Any]:
            self.since.append(since)
            return [SimpleNamespace(update_timestamp=datetime.fromtimestamp(at, UTC)) for at in ends]

        def run(found: Found, record: Any, *_: object) -> None:
            found.bad(problem(f"acme/run/{record.update_timestamp.timestamp():.0f}"))

        def look(what: str) -> Any:
            return lambda _, source, *__, **___: self.states.append((what, source.subdomain))

        monkeypatch.setattr(sensor, "ended_runs", ended)
        monkeypatch.setattr(sensor, "find_in_run", run)
        monkeypatch.setattr(sensor, "find_in_shards", look("shards"))
        monkeypatch.setattr(sensor, "find_in_authorisation", look("authorisation"))

    def evaluate(self, ledger: Ledger, now: float, wrong: Iterable[Problem] = ()) -> None:
        instance: Any = None
        record_problems(ledger, instance, SOURCES, AlertSettings(), now=now, wrong_settings=list(wrong))


def test_runs_are_looked_at_since_the_last_one_and_first_since_an_hour_ago(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks, ledger = Looks(monkeypatch, NOW - 20, NOW - 10), Ledger()
    looks.evaluate(ledger, NOW, [problem("acme/settings")])
    assert sorted(ledger.open) == ["acme/run/999980", "acme/run/999990", "acme/settings"]
    assert {each.seen_on for each in ledger.open.values()} == {"1970-01-12"}
    looks.evaluate(ledger, NOW + 30)
    assert looks.since == [NOW - FIRST_LOOKBACK_SECONDS, NOW - 10]
    assert "acme/settings" not in ledger.open  # they are right again


def test_shards_and_authorisations_of_every_source_are_looked_at_from_time_to_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks, ledger = Looks(monkeypatch), Ledger()
    every = [(what, each.subdomain) for each in SOURCES for what in ("shards", "authorisation")]
    for now, seen in ((NOW, 1), (NOW + STATE_INTERVAL_SECONDS - 1, 1), (NOW + STATE_INTERVAL_SECONDS, 2)):
        looks.evaluate(ledger, now)
        assert looks.states == every * seen


@pytest.mark.parametrize(
    ("refusals", "addresses", "said"),
    [
        ({}, "json://127.0.0.1:1", ""),
        ({"a": Refusal(1, 0.0), "b": Refusal(3, 0.0)}, "json://127.0.0.1:1", " 2 addresses did not accept"),
        ({}, "slaq://very/secret json://127.0.0.1:1", " No alerts are sent to address 1 (it begins with slaq://)"),
    ],
)
def test_an_evaluation_says_what_is_open_and_who_was_not_told(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    refusals: dict[str, Refusal],
    addresses: str,
    said: str,
) -> None:
    def record(ledger: Ledger, *_: object, **__: object) -> None:
        ledger.open["acme/run"] = OpenProblem("t", "b", "2026-03-01")
        ledger.refusals = refusals

    sent: list[float] = []
    monkeypatch.setenv(VARIABLE, addresses)
    monkeypatch.setattr(sensor, "record_problems", record)
    monkeypatch.setattr(Ledger, "send_due", lambda _, __, *, now: sent.append(now))
    with dg.build_sensor_context() as context, caplog.at_level(logging.WARNING, logger="amocrm_assets"):
        monkeypatch.setattr(type(context), "instance", None)
        tick: Any = alerts_sensor(SOURCES)(context)
        cursor = context.cursor
    assert str(tick.skip_message).startswith(f"1 problems are open.{said}")
    assert bool(said) or str(tick.skip_message) == "1 problems are open."
    assert Ledger.decode(cursor).open.keys() == {"acme/run"}
    assert len(sent) == 1
    assert ("slaq://" in caplog.text) is ("slaq://" in addresses)
    assert "secret" not in caplog.text + str(tick.skip_message)
