"""What a reading cost, dealt out to the days that it read, under the names that the metadata shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amocrm_assets.crm.client import AmoCrmClient
    from amocrm_assets.crm.reading import Reading

Metadata = dict[str, int | float | str | bool]


class ReadingCost:
    """Counts of the client and the reading. The shares of all days add up to them."""

    def __init__(self, client: AmoCrmClient, reading: Reading) -> None:
        self._client = client
        self._reading = reading
        self._last = self._traffic()

    def shares(self, days: int) -> list[Metadata]:
        """What the reading cost since the last call, in equal parts for the days that are finished by it.

        One page of a quiet account finishes many days: each then cost a part of a request.
        """
        if not days:
            return []
        counts = self._reading.standing.counts | self._traffic()
        parts = {name: (count - self._last.get(name, 0)) / days for name, count in counts.items()}
        self._last = counts
        share: Metadata = {name: round(part, 3) if part % 1 else int(part) for name, part in parts.items()}
        return [share | self._findings() for _ in range(days)]

    def _findings(self) -> Metadata:
        return {
            **self._reading.standing.findings,
            "requests_per_second": round(self._client.traffic.requests_per_second, 2),
            "server_clock_difference_seconds": round(self._client.clock_difference),
        }

    def _traffic(self) -> dict[str, float]:
        traffic = self._client.traffic
        retries = {f"retries_{status}": count for status, count in dict(traffic.retries).items()}
        return {
            "requests": traffic.requests,
            "received_bytes": traffic.received_bytes,
            "seconds_waited_for_pace": self._client.pacer.waited_seconds,
            "retries": sum(retries.values()),
            **retries,
        }
