"""A lock across machines: an object that its holder renews, and that others may replace when it has expired.

The holder is the process that wrote the object's current generation. Expiry is measured with the bucket's clock,
so the clocks of machines do not matter.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from amocrm_assets.cancellation import sleep
from amocrm_assets.daemon_pool import join
from amocrm_assets.errors import Busy, StorageRefused, StorageUnavailable
from amocrm_assets.storage.holder import held_by, this_holder
from amocrm_assets.waiting import waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.cloud.storage import Blob

    from amocrm_assets.storage.bucket import Bucket

_LASTS = "lease-seconds"
_HOLDER = "held-by"
# Waiters poll, and the holder renews, this many times within the duration of a lease.
_LOOKS, _RENEWALS = 60, 4
# Stopping takes at most five seconds, of which readers may have used four.
_STOP_SECONDS = 0.75


class Lease:
    """One attempt to hold the lease of the object `key`."""

    def __init__(self, bucket: Bucket, key: str, *, name: str, seconds: float) -> None:
        """`name` is the lock's name in messages."""
        self._bucket = bucket
        self._name = name
        self._key = key
        self._seconds = seconds
        # Cloud Storage accepts about one write per second and object, so each lease has its own clock object.
        self._clock_key = f"{key}.clock"
        self._metadata = {_LASTS: str(seconds)}
        self._holder: str | None = None
        self._watched = ""
        self._runs_out_at = 0.0

    @contextmanager
    def held(self, *, wait_seconds: float) -> Iterator[None]:
        """Hold the lease; raises `Busy` if another process holds it for longer than `wait_seconds`.

        Raises `StorageUnavailable` at the end if it was lost: another process may have worked meanwhile. When it
        is cancelled, it releases the lease within a second, or lets it expire.
        """
        renewal = self._acquired(wait_seconds)
        renewal.start()
        try:
            yield
        except Exception:
            renewal.end()
            raise
        except BaseException:  # a signal, or a generator that is closed
            renewal.end_within(_STOP_SECONDS)
            raise
        was_kept = renewal.end()
        if not was_kept:
            raise StorageUnavailable(
                f"Keeping the lock {self._name}",
                cause="it expired while it was held, so another run may have taken it.",
                fix="Run again.",
                lock=self._name,
            )

    def _acquired(self, wait_seconds: float) -> _Renewal:
        deadline = _now() + wait_seconds
        until = time.time() + wait_seconds
        with waiting(f"the lock {self._name}", until=until, holder=lambda: self._holder):
            free: str | None = "0"
            while True:
                asked_at = _now()
                self._metadata[_HOLDER] = this_holder()
                if free and (generation := self._written(free)):
                    return _Renewal(self._written, self._given_back, self._seconds, generation, asked_at)
                attempted_at, free = free, self._free_generation()
                if free == attempted_at:  # the holder changes, or the bucket refuses without a reason
                    free = None
                if not free and _now() >= deadline:
                    raise self._busy(wait_seconds)
                if not free:
                    sleep(min(self._seconds / _LOOKS, max(deadline - _now(), 0)))

    def _busy(self, wait_seconds: float) -> Busy:
        return Busy(
            f"Taking the lock {self._name}",
            cause=held_by(self._holder, wait_seconds),
            fix="Wait until that run has ended, then run again.",
            lock=self._name,
            holder=self._holder,
        )

    def _free_generation(self) -> str | None:
        """The generation to replace in order to hold the lease; None while another process holds it."""
        there = self._bucket.stat(self._key)
        if there is None:
            return "0"
        generation = str(there.generation)
        if generation != self._watched:
            # If it changed since the last poll, it is younger than that poll: only the first poll needs the clock.
            age = 0.0 if self._watched else self._age(there)
            lasts = float((there.metadata or {}).get(_LASTS, self._seconds))
            self._watched, self._runs_out_at = generation, _now() + lasts - age
            self._holder = (there.metadata or {}).get(_HOLDER)
        return generation if _now() >= self._runs_out_at else None

    def _age(self, there: Blob) -> float:
        """Seconds since an object was written, by the bucket's clock: the time of another write."""
        clock = self._bucket.upload(self._clock_key, b"", if_generation=None)
        return float((clock.updated - there.updated).total_seconds()) if clock else 0.0

    def _written(self, if_generation: str) -> str | None:
        """Replace that generation; returns the new one, None if it has changed."""
        blob = self._bucket.upload(self._key, b"", if_generation=if_generation, metadata=self._metadata)
        return str(blob.generation) if blob else None

    def _given_back(self, generation: str) -> bool:
        return self._bucket.delete(self._key, if_generation=generation)


class _Renewal:
    """Renews the lease while it is held."""

    def __init__(
        self,
        write: Callable[[str], str | None],
        give_back: Callable[[str], bool],
        seconds: float,
        generation: str,
        renewed_at: float,
    ) -> None:
        self._write = write
        self._give_back = give_back
        self._seconds = seconds
        self._generation = generation
        self._renewed_at = renewed_at
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> bool:
        """Release the lease; False if it was not held until the end."""
        self._ended.set()
        join(self._thread)
        is_own = True
        with suppress(StorageUnavailable):  # a lease that cannot be released expires
            is_own = self._give_back(self._generation)
        return is_own and _now() < self._renewed_at + self._seconds

    def end_within(self, seconds: float) -> None:
        """Release the lease. A request that hangs for longer is abandoned, and the lease expires."""
        thread = threading.Thread(target=self.end, name="lease end", daemon=True)
        thread.start()
        thread.join(seconds)

    def _renew(self) -> None:
        while not self._ended.wait(self._seconds / _RENEWALS):
            asked_at = _now()
            # A failure of one renewal may be transient; otherwise the lease counts as lost at the end.
            with suppress(StorageUnavailable, StorageRefused):
                generation = self._write(self._generation)
                if generation is None:
                    return
                self._generation, self._renewed_at = generation, asked_at


def _now() -> float:
    """Seconds including those while the machine sleeps, if the system counts them."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
