"""The share of the budget that is used while other clients use the account: reduced by 429s, then recovered."""

from __future__ import annotations

MIN_SHARE = 1 / 16
# Each successful response adds this much to the share. Near the share at which the last 429 came it adds a tenth
# of that: the other client is probably still active, and each attempt costs a 429.
RECOVERY, NEAR_RECOVERY = 0.02, 0.002
NEAR = (0.85, 1.1)
# If the next 429 comes near the last one, it adds half of that.
MAX_CAUTION = 2


class FairShare:
    """The current share of the budget, up to 1."""

    def __init__(self) -> None:
        self.now = 1.0
        self._refused_at = float("inf")
        self._caution = 1

    def give_way(self) -> None:
        """A 429 that other clients caused."""
        self._caution = min(MAX_CAUTION, 2 * self._caution) if self._is_near() else 1
        self._refused_at = self.now
        self.now = max(self.now / 2, MIN_SHARE)

    def recover(self) -> None:
        """A successful response."""
        grows_by = NEAR_RECOVERY / self._caution if self._is_near() else RECOVERY
        self.now = min(1.0, self.now * (1 + grows_by))

    def _is_near(self) -> bool:
        low, high = NEAR
        return low * self._refused_at <= self.now <= high * self._refused_at
