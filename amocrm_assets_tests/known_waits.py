"""Every wait that a command or a run may have to do, and how a test brings it about."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from amocrm_assets.capturing import capture_days
from amocrm_assets.crm.http.client import AmoCrmClient
from amocrm_assets.crm.http.connectivity import probe_connection, resolve_host
from amocrm_assets.crm.probe import probe_account
from amocrm_assets.entities import LEADS
from amocrm_assets.orchestration.steps import _pause
from amocrm_assets.sandbox import Fault
from amocrm_assets.storage import Storage, open_storage
from amocrm_assets.storage.gcs import GcsStorage
from amocrm_assets.warehouse.address import BigQueryAddress
from amocrm_assets.warehouse.bigquery import BigQueryWarehouse
from amocrm_assets_tests.accounts import DAY, client_of, source
from amocrm_assets_tests.crm.authorisation.life import TOKENS, Life
from amocrm_assets_tests.crm.authorisation.sources import ENVIRONMENT, OPTIONS
from amocrm_assets_tests.crm.http.stalling import stalling
from amocrm_assets_tests.storage.fake_gcs import BUCKET, FakeGcs, running_gcs
from amocrm_assets_tests.warehouse import recording_bigquery as bigquery
from amocrm_assets_tests.warehouse.duckdb_holder import holder
from amocrm_assets_tests.warehouse.places import BucketStorage, Place, duckdb_place_at, wired_place

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager, ExitStack
    from pathlib import Path

    import pytest

    from amocrm_assets.sandbox import Sandbox
    from amocrm_assets.sandbox.options import FaultKind


T = TypeVar("T")
UNTIL = r" UTC at the latest"


@dataclass
class Stage:
    """A sandbox, a folder, and what is to be closed after the test."""

    sandbox: Sandbox
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    stack: ExitStack

    def enter(self, context: AbstractContextManager[T]) -> T:
        """What a context gives; it ends with the test."""
        return self.stack.enter_context(context)

    @property
    def storage(self) -> Storage:
        """A local folder."""
        return open_storage(str(self.folder / "data"))

    def gcs(self) -> FakeGcs:
        """A Cloud Storage that Google's client finds by itself."""
        gcs = self.enter(running_gcs())
        self.monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs.url)
        self.monkeypatch.setenv("TMPDIR", str(self.folder))
        self.monkeypatch.setattr("tempfile.tempdir", None)
        return gcs

    def hanging_gcs(self) -> str:
        """An `AMOCRM_TOKENS` or `AMOCRM_STORAGE` in a Cloud Storage that takes requests and does not answer."""
        server = self.enter(stalling("headers"))
        self.monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        return f"gs://{BUCKET}/here"

    def read(self, client: AmoCrmClient | None = None, storage: Storage | None = None) -> None:
        """Read a day as the asset `raw_leads` does."""
        with client or self.enter(client_of(self.sandbox)) as asking:
            list(
                capture_days(
                    LEADS, source(), [DAY], client=asking, storage=storage or self.storage, lock_wait_seconds=600
                )
            )

    def life(self, tokens: str | None = None) -> Life:
        """A source with OAuth that is connected."""
        for name, value in ENVIRONMENT.items():
            self.monkeypatch.setenv(name, value)
        self.sandbox.reset(OPTIONS)
        return Life(self.sandbox, self.folder / "tokens" if tokens is None else tokens)

    def refreshing(self, life: Life) -> None:
        """Read with a token that amoCRM does not take any more."""
        self.sandbox.configure(access_token_requests=0)
        self.read(AmoCrmClient(life.source.url, life.opened(), requests_per_second=1000))

    def bigquery(self, *faults: bigquery.Fault, polls: int = 0) -> Place:
        """A BigQuery that hangs where it is told to."""
        server = self.enter(bigquery.recording_bigquery())
        self.stack.callback(server.released.set)
        server.faults, server.polls = list(faults), polls
        place = wired_place(server, self.storage, [])
        place.warehouse = BigQueryWarehouse(BigQueryAddress("p", "d", "EU", server.url))
        return place

    def load(self, place: Place) -> None:
        """Load two shards as the asset `amoCrmLeads` does."""
        days = [DAY, DAY.replace(day=11)]
        place.load_shards(*(place.load(day, []) for day in days))


Wait = tuple["Callable[[Stage], object]", str]


def failing(kind: FaultKind, **more: Any) -> Callable[[Stage], None]:
    def wait(stage: Stage) -> None:
        stage.sandbox.configure(faults=(Fault(kind, **more),))
        stage.read()

    return wait


def next_request(stage: Stage) -> None:
    stage.read(stage.enter(client_of(stage.sandbox, requests_per_second=0.01)))


def the_account(stage: Stage) -> None:
    stage.enter(stage.storage.lock("locks/sandbox", wait_seconds=0))
    stage.read()


def the_account_while_probing(stage: Stage) -> None:
    stage.enter(stage.storage.lock("locks/sandbox", wait_seconds=0))
    probe_account(
        source(), client=stage.enter(client_of(stage.sandbox)), storage=stage.storage, lock_wait_seconds=600
    )


def the_account_in_a_bucket(stage: Stage) -> None:
    stage.gcs()
    storage = GcsStorage(f"gs://{BUCKET}/here")
    stage.enter(storage.lock("locks/sandbox", wait_seconds=0))
    stage.read(storage=storage)


def the_refresh_of_another_process(stage: Stage) -> None:
    life = stage.life()
    life.connect()
    stage.enter(life.store.lock())
    stage.refreshing(life)


def the_token_endpoint(stage: Stage) -> None:
    life = stage.life()
    life.connect()
    stage.sandbox.configure(faults=(Fault("hang", path=TOKENS, seconds=60),))
    stage.refreshing(life)


def the_token_endpoint_while_connecting(stage: Stage) -> None:
    life = stage.life()
    code = stage.sandbox.tokens.code()
    stage.sandbox.configure(faults=(Fault("hang", path=TOKENS, seconds=60),))
    life.connect(code)


def the_token_endpoint_that_is_asked_too_often(stage: Stage) -> None:
    life = stage.life()
    code = stage.sandbox.tokens.code()
    stage.sandbox.configure(faults=(Fault("429-html", path=TOKENS),))
    life.connect(code)


def tokens_in_a_bucket(stage: Stage) -> None:
    stage.gcs()
    life = stage.life(f"gs://{BUCKET}/tokens")
    life.connect()
    stage.hanging_gcs()
    life = Life(stage.sandbox, f"gs://{BUCKET}/tokens")
    stage.read(AmoCrmClient(life.source.url, life.opened()))


def a_connection(stage: Stage) -> None:
    probe_connection(stage.enter(stalling("silent")).url)


def a_name(stage: Stage) -> None:
    def slow(*_: object, **__: object) -> None:
        time.sleep(7)
        raise socket.gaierror

    # The system's resolver cannot be slowed down from here.
    stage.monkeypatch.setattr(socket, "getaddrinfo", slow)
    resolve_host("https://slow.example")


def a_locked_file(stage: Stage) -> None:
    file = stage.folder / "warehouse.duckdb"
    place = duckdb_place_at(file, storage=stage.folder / "storage")
    place.warehouse.prepare()
    stage.stack.callback(stage.enter(holder(file, seconds=60)).kill)
    place.warehouse.prepare()


def a_bucket(stage: Stage) -> None:
    open_storage(stage.hanging_gcs()).read("here/it")


def a_dataset(stage: Stage) -> None:
    stage.bigquery(bigquery.Fault("GET", "/datasets/d$", kind="hang")).warehouse.prepare()


def a_list_of_shards(stage: Stage) -> None:
    stage.bigquery(bigquery.Fault("POST", "/queries$", kind="hang")).warehouse.shard_days(LEADS.table, "acme")


def an_upload(stage: Stage) -> None:
    stage.load(stage.bigquery(bigquery.Fault("POST", "/jobs", kind="hang", times=2)))


def a_load_job(stage: Stage) -> None:
    stage.load(stage.bigquery(polls=10_000))


def a_load_job_of_rows_in_a_bucket(stage: Stage) -> None:
    place = stage.bigquery(polls=10_000)
    place.storage = BucketStorage(stage.folder, BUCKET)
    stage.load(place)


def a_shards_rows(stage: Stage) -> None:
    place = stage.bigquery(bigquery.Fault("GET", "/tables/", kind="hang", times=2))
    place.leads(DAY, DAY.replace(day=11))


WAITS: dict[str, Wait] = {
    "amoCRM does not answer": (failing("hang", seconds=60), r"amoCRM's response to /api/v4/.*" + UNTIL),
    "amoCRM fails": (failing("503"), r"amoCRM's response to .*the last try: 503 from the server"),
    "amoCRM refuses": (failing("429-html", retry_after=300), r"amoCRM to accept requests again \(429.*" + UNTIL),
    "the next permit": (next_request, r"next request to amoCRM \(requests_per_second\).*" + UNTIL),
    "the account": (the_account, r"the lock locks/sandbox.*" + UNTIL + r"; held by process \d+"),
    "the account, probing": (the_account_while_probing, r"the lock locks/sandbox.*; held by process \d+"),
    "the account, in a bucket": (the_account_in_a_bucket, r"the lock locks/sandbox.*" + UNTIL + "; held by"),
    "the lock of a refresh": (the_refresh_of_another_process, r"the lock acme/refresh.*" + UNTIL + "; held by"),
    "the token endpoint": (the_token_endpoint, r"tokens of acme from http://127.*" + UNTIL),
    "connect": (the_token_endpoint_while_connecting, r"tokens of acme from http://127.*" + UNTIL),
    "connect, asked too often": (the_token_endpoint_that_is_asked_too_often, r"tokens of acme from http://127"),
    "tokens in a bucket": (tokens_in_a_bucket, rf"Cloud Storage \(.* gs://{BUCKET}/tokens.*" + UNTIL),
    "a connection": (a_connection, r"a response of 127\.0\.0\.1.*" + UNTIL),
    "a name": (a_name, r"the address of slow\.example.*" + UNTIL),
    "a locked DuckDB file": (a_locked_file, r"the DuckDB file /.*" + UNTIL + r"; held by .*PID \d+"),
    "Cloud Storage": (a_bucket, rf"Cloud Storage \(Looking at gs://{BUCKET}/here/.*" + UNTIL),
    "BigQuery, preparing": (a_dataset, r"a response of BigQuery"),
    "BigQuery, listing": (a_list_of_shards, r"a response of BigQuery.*" + UNTIL),
    "BigQuery, uploading": (an_upload, r"a response of BigQuery"),
    "BigQuery, a job": (a_load_job, r"BigQuery's load jobs.*" + UNTIL),
    "BigQuery, a job from a bucket": (a_load_job_of_rows_in_a_bucket, r"BigQuery's load jobs.*" + UNTIL),
    "BigQuery, reading": (a_shards_rows, r"a response of BigQuery"),
    "the next try of a step": (lambda _: _pause(60), r"the next try.*" + UNTIL),
}
