"""How much of its budget an account may be asked for while others use it too: give way, then come back."""

from __future__ import annotations

MIN_SHARE = 1 / 16
# Each good answer gives back 2 %. Near the share that was refused last it gives a tenth of that: whoever took the
# rest is probably still there, and each try costs a refusal.
RECOVERY, NEAR_RECOVERY = 1.02, 1.002
NEAR = (0.85, 1.1)


class FairShare:
    """The share of the budget that is used now, up to 1."""

    def __init__(self) -> None:
        self.now = 1.0
        self._refused_at = float("inf")

    def give_way(self) -> None:
        """A refusal that others caused."""
        self._refused_at = self.now
        self.now = max(self.now / 2, MIN_SHARE)

    def recover(self) -> None:
        """A good answer."""
        low, high = NEAR
        near = low * self._refused_at <= self.now <= high * self._refused_at
        self.now = min(1.0, self.now * (NEAR_RECOVERY if near else RECOVERY))
