"""The sensor of a pipeline, with a service that takes its alerts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from amocrm_assets.orchestration.alerts.sensor import alerts_sensor
from amocrm_assets_tests.orchestration.alerts.services import chat_service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets.orchestration.alerts.problem import Problem
    from amocrm_assets_tests.orchestration.alerts.services import ChatService
    from amocrm_assets_tests.orchestration.conftest import Pipeline


class Alerts:
    """The sensor of a pipeline, and the service that it tells."""

    def __init__(self, pipeline: Pipeline, service: ChatService) -> None:
        self._pipeline = pipeline
        self.service = service
        self.cursor: str | None = None
        self.skip_reason = ""
        self.wrong_settings: list[Problem] = []

    def evaluate(self) -> list[str]:
        """One tick of the sensor. What it told, title and body."""
        before = len(self.service.received)
        sensor = alerts_sensor([self._pipeline.source], self.wrong_settings)
        with dg.build_sensor_context(instance=self._pipeline.instance, cursor=self.cursor) as context:
            self.skip_reason = str(sensor.evaluate_tick(context).skip_message)
            self.cursor = context.cursor
        sent = [json.loads(body) for body in self.service.received[before:]]
        return [f"{message['title']}\n{message['message']}" for message in sent]

    def evaluate_all(self) -> list[str]:
        """A tick that evaluates shards and authorisations, too."""
        if self.cursor:
            self.cursor = json.dumps(json.loads(self.cursor) | {"state_seen_at": 0})
        return self.evaluate()


@pytest.fixture
def alerts(stored_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Iterator[Alerts]:
    stored_pipeline.configure(schedule={"enabled": False})
    with chat_service() as service:
        monkeypatch.setenv("AMOCRM_ALERTS", f"json://{service.address}")
        monkeypatch.setenv("AMOCRM_UI_URL", "https://dagster.test/")
        yield Alerts(stored_pipeline, service)
