"""Days of leads that are read from a sandbox into captures, and what these hold."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING

from amocrm_assets.captures import capture_names, open_capture
from amocrm_assets.capturing import capture_days
from amocrm_assets.entities import LEADS
from amocrm_assets_tests.accounts import client_of

if TYPE_CHECKING:
    from amocrm_assets.capturing import CapturedDay
    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage


def capture(sandbox: Sandbox, storage: Storage, days: list[date], settings: SourceSettings) -> list[CapturedDay]:
    """Read these days of leads as one run does."""
    with client_of(sandbox) as client:
        return list(capture_days(LEADS, settings, days, client=client, storage=storage))


def leads_in(storage: Storage, day: date) -> list[dict[str, object]]:
    """The leads of all captures of a day."""
    leads = []
    for name in capture_names(LEADS, storage, "sandbox", day):
        with open_capture(LEADS, storage, name) as opened:
            leads += [json.loads(line) for line in opened.records]
    return leads


def days_from(first: date, count: int) -> list[date]:
    """So many days."""
    return [first + timedelta(days=number) for number in range(count)]
