"""Where the tests of buckets store things, and how the fake bucket fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from amocrm_assets_tests.storage.fake_gcs import BUCKET, FakeGcs, Fault
from amocrm_assets_tests.storage.places import Place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request

    from amocrm_assets.storage import Storage

PLACE = Place(f"gs://{BUCKET}/some/prefix")
NAME = "captures/acme/one.jsonl.gz"


@pytest.fixture(name="storage")
def bucket_storage(gcs: FakeGcs) -> Storage:
    """A storage in the bucket; nothing else is in it."""
    assert gcs.buckets == {BUCKET: {}}
    return PLACE.opened()


def keys(gcs: FakeGcs) -> list[str]:
    return sorted(gcs.buckets[BUCKET])


def fails(gcs: FakeGcs, *faults: Fault, method: str = "POST") -> None:
    """Let these faults befall the next requests of a method."""
    left = list(faults)
    gcs.fault = lambda request: left.pop(0) if left and request.method == method else None


def fails_always(gcs: FakeGcs, fault: Fault, *, methods: Iterable[str] = ("GET", "POST", "DELETE", "PUT")) -> None:
    def befalls(request: Request) -> Fault | None:
        return fault if request.method in methods else None

    gcs.fault = befalls
