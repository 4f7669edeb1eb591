"""A lock across machines: an object that its holder renews, and that others may take when it has run out.

A lease is held by whoever wrote the object's present generation. Whether it has run out is judged by the bucket's
own clock, so clocks of machines do not matter. What is done under a lease is not known here.
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
# Waiters look this many times within the time of a lease, and a holder renews it this often.
_LOOKS, _RENEWALS = 60, 4
# Stopping takes five seconds at most, of which those who read may have taken four.
_STOP_SECONDS = 0.75


class Lease:
    """One attempt to hold the lease that the object `key` stands for."""

    def __init__(self, bucket: Bucket, key: str, *, name: str, seconds: float) -> None:
        """`name` is the lock's for people."""
        self._bucket = bucket
        self._name = name
        self._key = key
        self._seconds = seconds
        # Cloud Storage takes about one write a second of an object, so each lease has a clock of its own.
        self._clock_key = f"{key}.clock"
        self._metadata = {_LASTS: str(seconds)}
        self._holder: str | None = None
        self._watched = ""
        self._runs_out_at = 0.0

    @contextmanager
    def held(self, *, wait_seconds: float) -> Iterator[None]:
        """Hold the lease; raises `Busy` when somebody else keeps it for longer than `wait_seconds`.

        Raises `StorageUnavailable` in the end when it could not be kept: others may have been at work meanwhile.
        Who is stopped gives it back within a second, or leaves it to run out.
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
                cause="it ran out while it was held, so another run may have taken it.",
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
                if free == attempted_at:  # somebody comes and goes, or the bucket says no without a reason
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
        """The generation to replace in order to hold the lease; None while somebody else holds it."""
        there = self._bucket.stat(self._key)
        if there is None:
            return "0"
        generation = str(there.generation)
        if generation != self._watched:
            # One that has changed since the last look is younger than that look: only the first needs a clock.
            age = 0.0 if self._watched else self._age(there)
            lasts = float((there.metadata or {}).get(_LASTS, self._seconds))
            self._watched, self._runs_out_at = generation, _now() + lasts - age
            self._holder = (there.metadata or {}).get(_HOLDER)
        return generation if _now() >= self._runs_out_at else None

    def _age(self, there: Blob) -> float:
        """Seconds since an object was written, by the bucket's own clock: what it says of another write."""
        clock = self._bucket.upload(self._clock_key, b"", if_generation=None)
        return float((clock.updated - there.updated).total_seconds()) if clock else 0.0

    def _written(self, if_generation: str) -> str | None:
        """The generation of a lease written in the place of that one, None if there is another."""
        blob = self._bucket.upload(self._key, b"", if_generation=if_generation, metadata=self._metadata)
        return str(blob.generation) if blob else None

    def _given_back(self, generation: str) -> bool:
        return self._bucket.delete(self._key, if_generation=generation)


class _Renewal:
    """Writes the lease again and again while it is held."""

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
        """Give the lease back; False when it was not held to the end."""
        self._ended.set()
        join(self._thread)
        is_own = True
        with suppress(StorageUnavailable):  # a lease that cannot be given back runs out by itself
            is_own = self._give_back(self._generation)
        return is_own and _now() < self._renewed_at + self._seconds

    def end_within(self, seconds: float) -> None:
        """Give the lease back. A request that hangs for longer is left behind, and the lease runs out."""
        thread = threading.Thread(target=self.end, name="lease end", daemon=True)
        thread.start()
        thread.join(seconds)

    def _renew(self) -> None:
        while not self._ended.wait(self._seconds / _RENEWALS):
            asked_at = _now()
            # What hinders one renewal may be over at the next; if not, the lease counts as lost in the end.
            with suppress(StorageUnavailable, StorageRefused):
                generation = self._write(self._generation)
                if generation is None:
                    return
                self._generation, self._renewed_at = generation, asked_at


def _now() -> float:
    """Seconds that pass while the machine sleeps, too, where the system counts them."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
