"""Every request that the sandbox received, so that tests can verify what a client sent."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

_KEPT = 200_000


@dataclass(slots=True)
class Request:
    """One request. `at` is monotonic; `status` 0 means that no response was sent (yet)."""

    at: float
    method: str
    path: str
    query: str
    status: int = 0
    rows: int = 0
    fault: str | None = None

    def as_json(self) -> dict[str, Any]:
        """As `GET /sandbox/requests` shows it."""
        return asdict(self)


class RequestLog(deque[Request]):
    """Requests in order of arrival; the oldest are removed above a maximum."""

    def __init__(self) -> None:
        super().__init__(maxlen=_KEPT)

    def of(self, path: str) -> list[Request]:
        """The requests whose path begins with `path`."""
        return [each for each in list(self) if each.path.startswith(path)]  # a copy: requests go on arriving

    def most_in_a_second(self, path: str = "/api/") -> int:
        """The greatest number of requests in any second, refused ones included."""
        instants = [each.at for each in self.of(path)]
        most = start = 0
        for place, at in enumerate(instants):
            while instants[start] <= at - 1.0:
                start += 1
            most = max(most, place - start + 1)
        return most
