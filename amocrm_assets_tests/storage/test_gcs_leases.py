"""Locks of a bucket: leases that are renewed, lost and taken over."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.errors import Busy, StorageUnavailable
from amocrm_assets.storage.gcs import GcsStorage
from amocrm_assets_tests.storage.bucket_failures import PLACE, bucket_storage, fails, keys
from amocrm_assets_tests.storage.fake_gcs import BUCKET, FakeGcs, Refusal
from amocrm_assets_tests.storage.places import LEASE_SECONDS

if TYPE_CHECKING:
    from amocrm_assets.storage import Storage

__all__ = ["bucket_storage"]


def test_a_lock_that_can_never_be_written_is_busy_in_the_end(gcs: FakeGcs) -> None:
    gcs.fault = lambda request: Refusal(412, "conditionNotMet") if request.method == "POST" else None
    with pytest.raises(Busy):
        PLACE.opened().lock("x", wait_seconds=0.1).__enter__()
    assert len(gcs.requests) < 20


@pytest.mark.slow
def test_a_lease_is_renewed_for_as_long_as_it_is_held(storage: Storage) -> None:
    waits = 2 * LEASE_SECONDS
    with (
        storage.lock("locks/acme", wait_seconds=1),
        pytest.raises(Busy, match="locks/acme"),
        storage.lock("locks/acme", wait_seconds=waits),
    ):
        pass
    with storage.lock("locks/acme", wait_seconds=0):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("hours", [-1, 1])
def test_a_machine_whose_clock_is_off_neither_steals_a_lease_nor_waits_for_a_dead_one(
    gcs: FakeGcs, storage: Storage, hours: int
) -> None:
    gcs.clock_offset = timedelta(hours=hours)
    with PLACE.process("lock('locks/acme', wait_seconds=5)") as holder:
        with pytest.raises(Busy), storage.lock("locks/acme", wait_seconds=LEASE_SECONDS / 2):
            pass
        holder.kill()
        holder.wait()
        time.sleep(LEASE_SECONDS)
        # It has run out by the bucket's clock: taken at first sight, without another wait.
        with storage.lock("locks/acme", wait_seconds=0):
            pass


def loses_lease(gcs: FakeGcs) -> None:
    """Let another machine write the lease, and wait until its holder has looked after it."""
    gcs.buckets[BUCKET]["some/prefix/locks/.acme.lease"].properties["generation"] = "77"
    time.sleep(LEASE_SECONDS / 2)


def test_waiters_for_many_locks_write_no_object_that_they_share(gcs: FakeGcs) -> None:
    """Cloud Storage takes about one write a second of an object."""
    storage = GcsStorage(PLACE.url)

    def waits_in_vain(number: int) -> None:
        with (
            storage.lock(f"locks/{number}", wait_seconds=5),
            pytest.raises(Busy),
            storage.lock(f"locks/{number}", wait_seconds=0.1),
        ):
            pass

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(waits_in_vain, range(8)))
    assert max(gcs.writes.values()) == 1


def test_a_waiter_asks_the_buckets_clock_once_however_often_the_lease_is_renewed(
    gcs: FakeGcs, storage: Storage
) -> None:
    with (
        storage.lock("locks/acme", wait_seconds=1),
        pytest.raises(Busy),
        storage.lock("locks/acme", wait_seconds=1.5 * LEASE_SECONDS),
    ):
        pass
    assert gcs.writes["some/prefix/locks/.acme.lease"] > 3
    assert gcs.writes["some/prefix/locks/.acme.lease.clock"] == 1


def test_a_lease_that_was_lost_is_told_in_the_end_and_left_to_its_new_holder(
    gcs: FakeGcs, storage: Storage
) -> None:
    with (
        pytest.raises(StorageUnavailable, match="it expired while it was held"),
        storage.lock("locks/acme", wait_seconds=1),
    ):
        loses_lease(gcs)
    assert gcs.buckets[BUCKET]["some/prefix/locks/.acme.lease"].properties["generation"] == "77"


def test_an_error_under_a_lost_lease_is_not_hidden(gcs: FakeGcs, storage: Storage) -> None:
    def loses_and_fails() -> None:
        loses_lease(gcs)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), storage.lock("locks/acme", wait_seconds=1):
        loses_and_fails()


def test_a_lease_outlives_a_short_failure_of_the_bucket(gcs: FakeGcs) -> None:
    with GcsStorage(PLACE.url, lease_seconds=4).lock("locks/acme", wait_seconds=1):
        fails(gcs, "unavailable", "answer lost")
        time.sleep(1.2)
    assert len([request for request in gcs.requests if request.startswith("POST")]) > 2
    assert keys(gcs) == []


def test_a_lease_is_taken_although_the_answer_was_lost(gcs: FakeGcs, storage: Storage) -> None:
    fails(gcs, "answer lost")
    with storage.lock("locks/acme", wait_seconds=0):
        assert keys(gcs) == ["some/prefix/locks/.acme.lease"]
