"""The people of a whole account: a week without them in any byte, and one of them forgotten for good."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from amocrm_assets.days import day_window
from amocrm_assets.entities import ENTITIES
from amocrm_assets.sandbox import Population, SandboxOptions, running_sandbox
from amocrm_assets.sandbox.account import sample_texts
from amocrm_assets.settings import SourceSettings
from amocrm_assets_tests.accounts import client_of
from amocrm_assets_tests.guarantees.left_behind import Deployed, content_of
from amocrm_assets_tests.guarantees.test_personal_data import attributes
from amocrm_assets_tests.orchestration.sources import write_source
from amocrm_assets_tests.orchestration.test_bigquery import client_of as bigquery_of
from amocrm_assets_tests.storage.conftest import gcs, gcs_server
from amocrm_assets_tests.storage.fake_gcs import BUCKET, FakeGcs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets_tests.emulator import Emulator

pytestmark = pytest.mark.slow

__all__ = ["gcs", "gcs_server"]

LAST = date(2026, 3, 10)
# A year, and a week of the emulators, take many minutes: `make test` tries less.
YEAR, MONTH, WEEK, SOME = 365, 28, 7, 2
# What phones and addresses of the sandbox have in common, in every spelling, and the full and last names of all.
PHONES = ("999) 000-", "999 000 ", "7999000", "999-000-")
MAILS = ("@mail.example", "@sandbox.example")
NAMES = tuple(
    part.lower() for each in (*sample_texts.PEOPLE, *sample_texts.STAFF) for part in (each, each.split()[1])
)
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


def responses(sandbox: Sandbox) -> dict[str, bytes]:
    """What the sandbox says of its people, decoded."""
    lists = ("leads", "contacts", "companies", "users")
    with client_of(sandbox) as client:
        bodies = {
            name: client.request(f"/api/v4/{name}", {"limit": 250}, lambda response: response.body)
            for name in lists
        }
    return {name: json.dumps(json.loads(each), ensure_ascii=False).encode() for name, each in bodies.items()}


@dataclass
class Cloud:
    """A bucket of the storage's fake, and a dataset of BigQuery's emulator, which loads from the bucket."""

    gcs: FakeGcs
    warehouse: str

    @property
    def variables(self) -> dict[str, str]:
        """What a deployment has to say to keep its data there."""
        return {
            "AMOCRM_STORAGE": f"gs://{BUCKET}/data",
            "AMOCRM_WAREHOUSE": self.warehouse,
            "STORAGE_EMULATOR_HOST": self.gcs.url,
        }

    def left(self, folder: Path) -> dict[str, bytes]:
        """What is in each object, unpacked, and in each table."""
        found = {}
        for name, stored in self.gcs.buckets[BUCKET].items():
            path = folder / name.replace("/", "_")
            path.write_bytes(stored.content)
            found[name] = content_of(path)
            path.unlink()
        with bigquery_of(self.warehouse) as (client, address):
            for table in client.list_tables(address.dataset):
                rows = client.list_rows(client.get_table(table.reference))
                found[f"warehouse/{table.table_id}"] = repr([tuple(row) for row in rows]).encode()
        return found


@dataclass
class Tried:
    """A deployment in one of the places."""

    deployed: Deployed
    cloud: Cloud | None

    def run(self, *words: str) -> int | None:
        """A command in a process of its own; its exit status."""
        return self.deployed.run(*words)

    def left(self) -> dict[str, bytes]:
        """All that runs left, unpacked."""
        return self.deployed.left() | (self.cloud.left(self.deployed.folder) if self.cloud else {})


@pytest.fixture(params=["folder and duckdb", "gs and bigquery"])
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud | None]:
    """Where data is kept: nothing else than the folder, or a bucket and BigQuery."""
    if request.param == "folder and duckdb":
        yield None
        return
    gcs: FakeGcs = request.getfixturevalue("gcs")
    emulator: Emulator = request.getfixturevalue("bigquery_emulator")
    gcs.mirror = emulator.buckets
    yield Cloud(gcs, request.getfixturevalue("bigquery_url"))
    shutil.rmtree(emulator.buckets / BUCKET)


def tried_in(folder: Path, cloud: Cloud | None, sandbox: Sandbox, first: date, **changes: Any) -> Tried:
    """A deployment that imports all there is."""
    deployed = Deployed(
        folder, LAST, {"TOKEN": sandbox.token}, elsewhere=cloud.variables if cloud else {}, timeout_seconds=600
    )
    given = {"start_date": first.isoformat(), **changes}
    write_source(folder / "sources", "acme", attributes(sandbox.url, **given))
    return Tried(deployed, cloud)


def test_a_week_of_everything_leaves_no_phone_mail_or_name_in_any_byte(
    tmp_path: Path, cloud: Cloud | None, request: pytest.FixtureRequest
) -> None:
    days = SOME if cloud and not request.config.getoption("--soak") else WEEK
    first = LAST - timedelta(days=days - 1)
    with running_sandbox(options(days, 20 * days)) as sandbox:
        bodies = responses(sandbox)
        assert {mark for mark in MARKS if not found(bodies, (mark,))} <= set(PHONES) | set(NAMES)
        assert len(found(bodies, MARKS)) == len(bodies)
        switches = {"drop_fields": ["phone", "email", "name"], "latest_table": True}
        tried = tried_in(tmp_path, cloud, sandbox, first, **switches)
        assert tried.run("run", "acme", f"--from={first}", f"--to={LAST}") == 0

    left = tried.left()

    assert found(left, MARKS) == {}
    kept = {name.split("/")[3] for name in left if name.startswith("data/captures/")}
    assert kept >= {each.name for each in ENTITIES} | {"reference"}
    assert (
        cloud is None
        or {f"warehouse/amoCrm{name}_acme" for name in ("ContactsLatest", "LeadStages")} <= left.keys()
    )
    assert len([name for name in left if "rows/acme/contacts/" in name and name.endswith(".parquet")]) == days
    assert any(b"amoCrm" in content for name, content in left.items() if name.endswith(".db"))


def test_a_person_who_is_forgotten_stays_away_after_a_backfill(
    tmp_path: Path, cloud: Cloud | None, request: pytest.FixtureRequest
) -> None:
    days = YEAR if request.config.getoption("--soak") else WEEK if cloud else MONTH
    first = LAST - timedelta(days=days - 1)
    with running_sandbox(options(days, days)) as sandbox:
        contact = json.loads(responses(sandbox)["contacts"])["_embedded"]["contacts"][0]
        values = {each["field_code"]: each["values"][0]["value"] for each in contact["custom_fields_values"]}
        phone = values["PHONE"]
        mark = "".join(each for each in phone if each.isdigit())[-4:]
        written = (phone, f"999) 000-{mark[:2]}-{mark[2:]}", f"999 000 {mark[:2]} {mark[2:]}", f"7999000{mark}")
        switches = [name for name in SourceSettings.model_fields if name.startswith("import_")]
        others = {name: name == "import_contacts" for name in switches}
        tried = tried_in(tmp_path, cloud, sandbox, first, **others)
        # Without the debug log of the other proofs, which is longer than what it tells of.
        (tmp_path / "home" / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
        tried.deployed.timeout_seconds = 1200
        everything = ("run", "acme", f"--from={first}", f"--to={LAST}")
        assert tried.run(*everything) == 0
        places = {name.partition("/")[0].removesuffix(".duckdb") for name in found(tried.left(), written)}
        assert places >= {"data", "warehouse"}

        assert tried.run("forget", "acme", f"--value={phone}") == 0
        assert found(tried.left(), written) == {}
        assert tried.run(*everything) == 0

    assert found(tried.left(), written) == {}
    requests = [name for name in tried.left() if name.startswith("data/privacy/acme/requests/")]
    (report,) = (name.rpartition("/")[2].removesuffix(".json") for name in requests if name.endswith(".json"))
    assert tried.run("forget", "acme", "--verify", report) == 0
