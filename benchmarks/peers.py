"""Two simple clients for comparison: one request after the other, and six threads that start 1/6 s apart.

Both read a list page by page, and after a 429 wait a second and retry. They miss records that change meanwhile.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from typing import Any

import requests

from benchmarks.serving import TIMEOUT_SECONDS

LIMIT = 7
THREADS = 6
TOO_MANY = 429


@dataclass(frozen=True)
class Pace:
    """Pages per second, from the first request to the last response, and the number of 429s."""

    pages_per_second: float
    refusals: int


class _Peer:
    """Reads pages with this number of threads; requests start at least this number of seconds apart."""

    def __init__(self, url: str, token: str, *, apart_seconds: float) -> None:
        self._url, self._token, self._apart = url, token, apart_seconds
        self._due, self._numbers = 0.0, count(1)
        self._lock = threading.Lock()
        self.refusals = 0

    def read(self, pages: int, *, threads: int) -> Pace:
        began = time.monotonic()
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda _: self._read_until(pages), range(threads)))
        return Pace(pages / (time.monotonic() - began), self.refusals)

    def _read_until(self, pages: int) -> None:
        with requests.Session() as session:
            session.headers["Authorization"] = f"Bearer {self._token}"
            while (page := next(self._numbers)) <= pages:
                while not self._read_page(session, page):
                    time.sleep(1)

    def _read_page(self, session: requests.Session, page: int) -> bool:
        with self._lock:
            time.sleep(max(0.0, self._due - time.monotonic()))
            self._due = time.monotonic() + self._apart
        asked: dict[str, Any] = {"limit": 250, "page": page}
        answer = session.get(f"{self._url}/api/v4/leads", params=asked, timeout=TIMEOUT_SECONDS)
        if answer.status_code == TOO_MANY:
            with self._lock:
                self.refusals += 1
            return False
        answer.raise_for_status()
        return True


def sequential(url: str, token: str, pages: int) -> Pace:
    """One request after the other, never faster than the limit."""
    return _Peer(url, token, apart_seconds=1 / LIMIT).read(pages, threads=1)


def six_threads(url: str, token: str, pages: int) -> Pace:
    """Six requests at a time, one started every sixth of a second."""
    return _Peer(url, token, apart_seconds=1 / THREADS).read(pages, threads=THREADS)
