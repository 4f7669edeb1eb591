"""Which page may contain the records of a gap between pages, if pages can only be requested by number."""

from __future__ import annotations

from amocrm_assets.crm.pagination.query import CONFIRMATIONS


class GapProbe:
    """Finds the page that covers a gap, from what the pages near it contain."""

    def __init__(self, gap: int, position: int, limit: int) -> None:
        self.gap = gap
        self.tries = 0
        # Within the last fifth of a page, `page_over` finds a page that reaches further.
        self._overlap = self._back = max(1, min(8, limit // 5))
        self._empty_answers = 0
        self.position = max(0, position - self._back)

    def learn_nothing(self) -> None:
        self._empty_answers += 1
        if self._empty_answers % CONFIRMATIONS == 0:  # one page proves nothing
            self.go_back()

    def go_back(self) -> None:
        self._back *= 2
        self.position = max(0, self.position - self._back)

    def learn(self, low: int | None, high: int, position: int, count: int) -> None:
        if low is not None and low > self.gap:
            self.go_back()
        elif high < self.gap:
            self.position = max(position + count - self._overlap, self.position + 1)


def page_over(position: int, limit_max: int) -> tuple[int, int]:
    """The number and limit of the page that contains `position` and reaches furthest beyond it.

    Page numbers only reach multiples of the limit; a slightly smaller limit shifts the grid.
    """
    limits = range(max(1, limit_max * 4 // 5), limit_max + 1)
    limit = max(limits, key=lambda limit: (position // limit + 1) * limit)
    return position // limit + 1, limit
