"""Sources, clients and storages over a sandbox, for the tests that read it."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from amocrm_assets.crm.http.client import AmoCrmClient
from amocrm_assets.days import day_window
from amocrm_assets.sandbox import Population, SandboxOptions, running_sandbox
from amocrm_assets.settings import SourceSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets_tests.standin import StandIn

DAY = date(2026, 3, 10)
NEXT_DAY = DAY + timedelta(days=1)


class FixedToken:
    """An authorisation that knows one token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def token(self) -> str:
        return self._token

    def renew(self, refused: str) -> str:
        return refused

    def expires_at(self) -> int | None:
        return None


class FreeTime:
    """Sleeps that take no time, and a clock that only they move."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def clock(self) -> float:
        return self.now


def source(**changes: Any) -> SourceSettings:
    """The settings of a source that reads a sandbox."""
    given: dict[str, Any] = {
        "subdomain": "sandbox",
        "access_token_env": "AMOCRM_SANDBOX_TOKEN",
        "start_date": "2026-01-01",
        "timezone": "Europe/Moscow",
        "requests_per_second": 50,
        "import_reference": False,
        "import_lead_details": False,
    }
    return SourceSettings(**given | changes)


def leads_of(day: date, leads: int, *, deleted: bool = False, days: int = 1) -> Population:
    """So many leads spread over a day, or over days from it on, in the zone of `source`."""
    first, last = day_window(day, source().zone), day_window(day + timedelta(days=days - 1), source().zone)
    return Population(leads=leads, updated_from=first.from_at, updated_to=last.to_at, deleted=deleted)


@contextmanager
def sandbox_with(*populations: Population, **options: Any) -> Iterator[Sandbox]:
    """A sandbox without limit that holds these leads, and nothing else."""
    given = {"requests_per_second": None, "populations": populations} | options
    with running_sandbox(SandboxOptions(**given)) as sandbox:
        yield sandbox


@contextmanager
def client_of(sandbox: Sandbox | StandIn, **changes: Any) -> Iterator[AmoCrmClient]:
    """A client of the sandbox or the stand-in, which waits for answers as long as a busy machine may take."""
    given: dict[str, Any] = {"requests_per_second": 1000, "read_seconds": 120.0} | changes
    with AmoCrmClient(sandbox.url, FixedToken(sandbox.token), **given) as client:
        yield client
