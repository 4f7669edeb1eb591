"""The cost of a reading, allocated to the days that it read, by the names in the metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.crm.pagination.findings import Finding

if TYPE_CHECKING:
    from amocrm_assets.crm.http.client import AmoCrmClient
    from amocrm_assets.crm.pagination.readers import Reader

Metadata = dict[str, int | float | str | bool | tuple[Finding, ...]]


class PerDayStats:
    """Counts of the client and the reading. The shares of all days add up to them."""

    def __init__(self, client: AmoCrmClient, reading: Reader) -> None:
        self._client = client
        self._reading = reading
        client.stats.restart_rate()
        self._last = self._request_counts()

    def allocate(self, days: int) -> list[Metadata]:
        """The cost of the reading since the last call, in equal parts for the days that it has finished.

        One page of a quiet account finishes many days: each is allocated a part of a request.
        """
        if not days:
            return []
        counts = self._reading.progress.counts | self._request_counts()
        parts = {name: (count - self._last.get(name, 0)) / days for name, count in counts.items()}
        self._last = counts
        share: Metadata = {name: round(part, 3) if part % 1 else int(part) for name, part in parts.items()}
        return [share | self._findings() for _ in range(days)]

    def _findings(self) -> Metadata:
        findings = self._reading.progress.findings
        return {
            "filters_honoured": not any(finding.kind == "filters_ignored" for finding in findings),
            "findings": findings,
            "requests_per_second": round(self._client.stats.requests_per_second, 2),
            "clock_difference_seconds": round(self._client.server_clock.difference),
        }

    def _request_counts(self) -> dict[str, float]:
        stats = self._client.stats
        retries = {f"retries_{status}": count for status, count in dict(stats.retries).items()}
        return {
            "requests": stats.requests,
            "received_bytes": stats.received_bytes,
            "rate_limit_wait_seconds": self._client.rate_limit_wait_seconds,
            "retries": sum(retries.values()),
            **retries,
        }
