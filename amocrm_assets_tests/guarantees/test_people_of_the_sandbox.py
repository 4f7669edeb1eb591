"""The people of a whole account: a week without them in any byte, and one of them forgotten for good."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from amocrm_assets.days import day_window
from amocrm_assets.sandbox import Population, SandboxOptions, running_sandbox
from amocrm_assets.sandbox.account import words
from amocrm_assets.settings import SourceSettings
from amocrm_assets_tests.accounts import client_of
from amocrm_assets_tests.guarantees.left_behind import Deployed
from amocrm_assets_tests.guarantees.test_personal_data import attributes
from amocrm_assets_tests.orchestration.sources import write_source

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from amocrm_assets.sandbox import Sandbox

LAST = date(2026, 3, 10)
# A year takes many minutes, so `make test` tries a month of it.
YEAR, MONTH = 365, 28
# What phones and addresses of the sandbox have in common, in every spelling, and the full and last names of all.
PHONES = ("999) 000-", "999 000 ", "7999000", "999-000-")
MAILS = ("@mail.example", "@sandbox.example")
NAMES = tuple(part.lower() for each in (*words.PEOPLE, *words.STAFF) for part in (each, each.split()[1]))
MARKS = (*PHONES, *MAILS, *NAMES)


def options(days: int, leads: int) -> SandboxOptions:
    """An account with so many leads, and their contacts and companies, over days."""
    zone = SourceSettings(**attributes("http://127.0.0.1")).zone
    first = day_window(LAST - timedelta(days=days - 1), zone)
    edited = Population(leads=leads, updated_from=first.from_at, updated_to=day_window(LAST, zone).to_at)
    return SandboxOptions(subdomain="acme", requests_per_second=None, populations=(edited,))


def spellings(mark: str) -> list[bytes]:
    """A text as it is, and as JSON escapes it."""
    return [mark.encode(), json.dumps(mark)[1:-1].encode()]


def found(contents: dict[str, bytes], marks: tuple[str, ...]) -> dict[str, str]:
    """In which files something of these is, whatever its letter case."""
    folded = {name: content.decode("utf-8", "replace").lower().encode() for name, content in contents.items()}
    return {
        name: mark
        for name, content in folded.items()
        for mark in marks
        if not name.startswith("sources/") and any(each in content for each in spellings(mark))
    }


def answers(sandbox: Sandbox) -> dict[str, bytes]:
    """What the sandbox says of its people, decoded."""
    lists = ("leads", "contacts", "companies", "users")
    with client_of(sandbox) as client:
        said = {
            name: client.request(f"/api/v4/{name}", {"limit": 250}, lambda response: response.body)
            for name in lists
        }
    return {name: json.dumps(json.loads(each), ensure_ascii=False).encode() for name, each in said.items()}


def deployed_at(folder: Path, sandbox: Sandbox, first: date, **changes: Any) -> Deployed:
    """A deployment that imports all there is."""
    deployed = Deployed(folder, LAST, {"TOKEN": sandbox.token})
    given = {"start_date": first.isoformat(), **changes}
    write_source(folder / "sources", "acme", attributes(sandbox.url, **given))
    return deployed


def test_a_week_of_everything_leaves_no_phone_mail_or_name_in_any_byte(tmp_path: Path) -> None:
    first = LAST - timedelta(days=6)
    with running_sandbox(options(7, 140)) as sandbox:
        said = answers(sandbox)
        assert {mark for mark in MARKS if not found(said, (mark,))} <= set(PHONES) | set(NAMES)
        assert len(found(said, MARKS)) == len(said)
        deployed = deployed_at(tmp_path, sandbox, first, drop_fields=["phone", "email", "name"], latest_table=True)
        assert deployed.run("run", "acme", f"--from={first}", f"--to={LAST}") == 0

    left = deployed.left()

    assert found(left, MARKS) == {}
    kept = {name.split("/")[3] for name in left if name.startswith("data/captures/")}
    assert kept >= {"leads", "contacts", "companies", "events", "reference"}
    assert len([name for name in left if "rows/acme/contacts/" in name and name.endswith(".parquet")]) == 7
    assert any(b"amoCrm" in content for name, content in left.items() if name.endswith(".db"))


def test_a_person_who_is_forgotten_stays_away_after_a_backfill(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    days = YEAR if request.config.getoption("--soak") else MONTH
    first = LAST - timedelta(days=days - 1)
    with running_sandbox(options(days, days)) as sandbox:
        contact = json.loads(answers(sandbox)["contacts"])["_embedded"]["contacts"][0]
        values = {each["field_code"]: each["values"][0]["value"] for each in contact["custom_fields_values"]}
        phone = values["PHONE"]
        mark = "".join(each for each in phone if each.isdigit())[-4:]
        written = (phone, f"999) 000-{mark[:2]}-{mark[2:]}", f"999 000 {mark[:2]} {mark[2:]}", f"7999000{mark}")
        others = {
            f"import_{name}": False for name in ("leads", "lead_details", "events", "companies", "reference")
        }
        deployed = deployed_at(tmp_path, sandbox, first, **others)
        # Without the debug log of the other proofs, which is longer than what it tells of.
        (tmp_path / "home" / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
        deployed.timeout_seconds = 1200
        everything = ("run", "acme", f"--from={first}", f"--to={LAST}")
        assert deployed.run(*everything) == 0
        assert {name.partition("/")[0] for name in found(deployed.left(), written)} >= {"data", "warehouse.duckdb"}

        assert deployed.run("forget", "acme", f"--value={phone}") == 0
        assert found(deployed.left(), written) == {}
        assert deployed.run(*everything) == 0

    assert found(deployed.left(), written) == {}
    (report,) = (tmp_path / "data" / "privacy" / "acme" / "requests").glob("*.json")
    assert deployed.run("forget", "acme", "--verify", report.stem) == 0
