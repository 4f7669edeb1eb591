"""How much of its budget an account may be asked for while others use it too: give way, then come back."""

from __future__ import annotations

MIN_SHARE = 1 / 16
# So much of the share each good answer gives back. Near the share that was refused last it gives a tenth of that:
# whoever took the rest is probably still there, and each try costs a refusal.
RECOVERY, NEAR_RECOVERY = 0.02, 0.002
NEAR = (0.85, 1.1)
# Where the next refusal comes near the last one, it gives half of that.
MAX_CAUTION = 2


class FairShare:
    """The share of the budget that is used now, up to 1."""

    def __init__(self) -> None:
        self.now = 1.0
        self._refused_at = float("inf")
        self._caution = 1

    def give_way(self) -> None:
        """A refusal that others caused."""
        self._caution = min(MAX_CAUTION, 2 * self._caution) if self._is_near() else 1
        self._refused_at = self.now
        self.now = max(self.now / 2, MIN_SHARE)

    def recover(self) -> None:
        """A good answer."""
        grows_by = NEAR_RECOVERY / self._caution if self._is_near() else RECOVERY
        self.now = min(1.0, self.now * (1 + grows_by))

    def _is_near(self) -> bool:
        low, high = NEAR
        return low * self._refused_at <= self.now <= high * self._refused_at
