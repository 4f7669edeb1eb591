"""One run at a time sends requests to an account, and starts when the rate limit allows it after the last run.

The lock is the storage's. When it is released, amoCRM still counts the last requests. The time until which they
count is written to the storage next to the lock, so only a run that sends requests within that time has to wait.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from amocrm_assets.errors import AmoCrmAssetsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from amocrm_assets.crm.http.rate_limiter import RateLimiter
    from amocrm_assets.storage import Storage, Versioned


@contextmanager
def account_lock(
    subdomain: str,
    *,
    limiter: RateLimiter,
    storage: Storage,
    wait_seconds: float,
    now: Callable[[], float] = time.time,
) -> Iterator[None]:
    """Hold the account's lock in the body. Raises `Busy` after `wait_seconds`."""
    with storage.lock(f"locks/{subdomain}", wait_seconds=wait_seconds):
        name = f"locks/{subdomain}.json"
        note = storage.read(name)
        limiter.start_after(_still_to_wait(note, limiter, now()))
        try:
            yield
        except BaseException:
            with suppress(AmoCrmAssetsError):  # the error that ended the run must not be hidden
                _write(storage, name, note, limiter, now())
            raise
        _write(storage, name, note, limiter, now())


def _write(storage: Storage, name: str, before: Versioned | None, limiter: RateLimiter, now: float) -> None:
    if not (delay := limiter.drain_delay()):
        return
    note = {"limiter": limiter.key, "written_at": now, "free_at": now + delay}
    storage.write(name, json.dumps(note).encode(), if_version=before.version if before else None)


def _still_to_wait(note: Versioned | None, limiter: RateLimiter, now: float) -> float:
    """Seconds until the requests of another process no longer count.

    If our clock is behind the writer's, the wait is still limited to what the writer would have waited. A file
    with invalid content is ignored: at worst a request is refused.
    """
    try:
        hand_over = json.loads(note.content) if note else {}
        if not hand_over or hand_over["limiter"] == limiter.key:
            return 0.0
        return float(min(hand_over["free_at"] - now, hand_over["free_at"] - hand_over["written_at"]))
    except (ValueError, TypeError, KeyError):
        return 0.0
