"""A whole deployment on this machine: Dagster as `make dev` starts it, a sound account and one with trouble.

Accounts, folders and ports are its own. What is done with it is known to those who start it.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from amocrm_assets.sandbox import Sandbox, SandboxOptions, running_sandbox
from amocrm_assets_tests.end_to_end.strangers import CHOSEN_AND_MISSING, FIELD, TITLE, Strangers, running_strangers
from amocrm_assets_tests.orchestration.dagster_process import Dagster, running_dagster
from amocrm_assets_tests.orchestration.sources import write_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ASSETS = ("raw_leads", "leads", "amoCrmLeads")
DETAILS = ("lead_details", "amoCrmLeadDetails")
ZONE = ZoneInfo("Europe/Moscow")
# What a source has without being told; the other accounts have leads alone, which are enough to try pages with.
DETAILED = {"import_reference": True, "import_lead_details": True}
# Named as people see them, in pages and pictures. The second one's zone is not its account's, and its account has
# no field of that name.
SOUND = {"subdomain": "sandbox", "display_name": "Sandbox", **DETAILED}
TROUBLED = {"subdomain": "spring-tea", "display_name": "Spring Tea", "leads_custom_fields": ["Бюджет рекламы"]}
# An account of which everything is imported: the graph at its largest.
WHOLE = {
    "subdomain": "autumn-tea",
    "display_name": "Autumn Tea",
    **DETAILED,
    "import_events": True,
    "import_contacts": True,
    "import_companies": True,
    "import_tasks": True,
    "import_calls": True,
    "latest_table": True,
}
# A day that does not exist: the source is shown as broken.
BROKEN = {
    "subdomain": "winter-tea",
    "access_token_env": "WINTER_TEA_TOKEN",
    "start_date": "2026-02-30",
    "colour": 1,
}
# One account for each of the next minutes: soon after Dagster is up, however slow the machine, one of them is due.
MINUTES_DUE = range(1, 7)
MIN_NOTICE = timedelta(seconds=10)


@dataclass(frozen=True)
class Deployment:
    """What runs, and where its data lie."""

    dagster: Dagster
    sound: Sandbox
    troubled: Sandbox
    strangers: Strangers
    warehouse: str
    started_at: datetime

    @property
    def yesterday(self) -> date:
        """The last day that has ended, in the zone of all sources."""
        return self.started_at.astimezone(ZONE).date() - timedelta(days=1)

    @property
    def month(self) -> list[date]:
        """The thirty days before yesterday."""
        return [self.yesterday - timedelta(days=back) for back in range(30, 0, -1)]

    def next_due(self) -> str:
        """The account whose schedule is due next, late enough to be switched on before."""
        for minutes in MINUTES_DUE:
            if _due_at(self.started_at, minutes) - datetime.now(UTC) > MIN_NOTICE:
                return f"due_{minutes}"
        raise AssertionError(f"Dagster took more than {MINUTES_DUE[-1]} minutes to start")


@contextmanager
def running_deployment(home: Path) -> Iterator[Deployment]:
    """Start it with everything in the folder `home`, and stop it in the end."""
    started_at = datetime.now(UTC)
    options = SandboxOptions(requests_per_second=None)
    elsewhere = SandboxOptions(
        subdomain="spring-tea", seed=2, timezone="Asia/Yekaterinburg", requests_per_second=None
    )
    warehouse = f"duckdb:///{home}/data/warehouse.duckdb"
    midnight = started_at.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    with ExitStack() as servers:
        sound, troubled = (servers.enter_context(running_sandbox(each)) for each in (options, elsewhere))
        due = {
            minutes: servers.enter_context(
                running_sandbox(replace(options, subdomain=f"due-{minutes}", leads_per_day=5))
            )
            for minutes in MINUTES_DUE
        }
        strangers = servers.enter_context(running_strangers(int((midnight - timedelta(days=1)).timestamp())))
        whole = servers.enter_context(running_sandbox(replace(options, subdomain="autumn-tea")))
        _write_whole(home / "sources", whole, started_at)
        _write_sources(home / "sources", sound, troubled, due, started_at)
        _write_strangers(home / "sources", strangers, started_at)
        write_source(home / "sources", "winter-tea", BROKEN)
        environment = {
            "SOUND_TOKEN": sound.token,
            "TROUBLED_TOKEN": troubled.token,
            "STRANGERS_TOKEN": "any",
            "AMOCRM_STORAGE": str(home / "data"),
            "AMOCRM_WAREHOUSE": warehouse,
        }
        with running_dagster(home, environment) as dagster:
            yield Deployment(dagster, sound, troubled, strangers, warehouse, started_at)


def _write_sources(folder: Path, sound: Sandbox, troubled: Sandbox, due: dict[int, Sandbox], at: datetime) -> None:
    today = at.astimezone(ZONE).date()
    first_day, much_later = today - timedelta(days=31), at + timedelta(hours=12)
    write_source(folder, "sandbox", _attributes(sound, "SOUND_TOKEN", first_day, much_later, **SOUND))
    write_source(folder, "spring-tea", _attributes(troubled, "TROUBLED_TOKEN", first_day, much_later, **TROUBLED))
    # They begin yesterday: a tick asks for every day of the last week that is missing.
    yesterday = today - timedelta(days=1)
    for minutes, sandbox in due.items():
        name = f"due-{minutes}"
        attributes = _attributes(sandbox, "SOUND_TOKEN", yesterday, _due_at(at, minutes), subdomain=name)
        attributes["schedule"]["enabled"] = False
        write_source(folder, name, attributes)


def _write_whole(folder: Path, whole: Sandbox, at: datetime) -> None:
    """The account of which everything is imported."""
    first_day = at.astimezone(ZONE).date() - timedelta(days=31)
    attributes = _attributes(whole, "SOUND_TOKEN", first_day, at + timedelta(hours=12), **WHOLE)
    write_source(folder, "autumn-tea", attributes)


def _write_strangers(folder: Path, strangers: Strangers, at: datetime) -> None:
    """The account in which strangers have written, called and configured by texts like theirs."""
    yesterday = at.astimezone(ZONE).date() - timedelta(days=1)
    named = {"subdomain": "strangers", "display_name": strangers.text(TITLE)}
    attributes = _attributes(strangers, "STRANGERS_TOKEN", yesterday, at + timedelta(hours=12), **named)
    chosen = [strangers.text(text) for text in (FIELD, CHOSEN_AND_MISSING)]
    write_source(folder, "strangers", {**attributes, "leads_custom_fields": chosen})


def _attributes(
    sandbox: Sandbox | Strangers, token_variable: str, first_day: date, due_at: datetime, **named: Any
) -> dict[str, Any]:
    local = due_at.astimezone(ZONE)
    return {
        "base_url": sandbox.url,
        "access_token_env": token_variable,
        "timezone": ZONE.key,
        "start_date": first_day.isoformat(),
        "requests_per_second": 50,
        "import_reference": False,
        "import_lead_details": False,
        "schedule": {"hour": local.hour, "minute": local.minute},
        **named,
    }


def _due_at(started_at: datetime, minutes: int) -> datetime:
    return started_at.replace(second=0, microsecond=0) + timedelta(minutes=minutes)
