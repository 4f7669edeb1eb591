"""Which request is hit by which fault. How a fault looks is known in `gateway` and `damage`."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amocrm_assets.sandbox.options import Fault


class FaultDice:
    """Throws for each fault in turn; the first that hits is taken. The seed decides every throw."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(f"faults {seed}")  # noqa: S311  # it throws dice, no secrets
        self._matched: dict[Fault, int] = {}
        self._hit: dict[Fault, int] = {}

    def start_over(self) -> None:
        """Forget how often which fault has struck."""
        self._matched.clear()
        self._hit.clear()

    def throw(self, faults: tuple[Fault, ...], *, path: str, page: int) -> Fault | None:
        """The fault that this request meets, if any."""
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
