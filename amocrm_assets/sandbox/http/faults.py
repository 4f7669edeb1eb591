"""Chooses the fault of a request, if any. For its effect see `gateway` and `response_corruption`."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amocrm_assets.sandbox.options import Fault


class FaultDice:
    """Draws a random number for each fault in order; the first that hits is applied. Repeatable by the seed."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(f"faults {seed}")  # noqa: S311  # it chooses faults, no secrets
        self._matched: dict[Fault, int] = {}
        self._hit: dict[Fault, int] = {}

    def start_over(self) -> None:
        """Reset the counts of faults."""
        self._matched.clear()
        self._hit.clear()

    def throw(self, faults: tuple[Fault, ...], *, path: str, page: int) -> Fault | None:
        """The fault of this request, if any."""
        for fault in faults:
            if path.startswith(fault.path) and page >= fault.page_from and self._hits(fault):
                return fault
        return None

    def _hits(self, fault: Fault) -> bool:
        matched = self._matched[fault] = self._matched.get(fault, 0) + 1
        hit = self._hit.get(fault, 0)
        if matched <= fault.after or (fault.times is not None and hit >= fault.times):
            return False
        if self.rng.random() >= fault.rate:
            return False
        self._hit[fault] = hit + 1
        return True
