"""Produces items in a separate thread while the previous ones are processed."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeVar, cast

from amocrm_assets.daemon_pool import DaemonPool

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from amocrm_assets.cancellation import CancelScope

T = TypeVar("T")
_END = object()


def prefetch(items: Iterator[T], *, most: int, scope: CancelScope | None = None) -> Generator[T]:
    """The items in their order, up to `most` of them produced ahead. Raises what producing them raises.

    Closing it, or interrupting the thread that waits for an item, cancels the `scope`, so that the item
    in production stops waiting, and no more are produced: see `DaemonPool`.
    """
    with DaemonPool(1, name="prefetch", scope=scope) as maker:
        made = deque(maker.submit(next, items, _END) for _ in range(most))
        while (item := made.popleft().result()) is not _END:
            made.append(maker.submit(next, items, _END))
            yield cast("T", item)
