"""Items that are made in a thread of their own while the ones before are being worked on."""

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
    """The items in their order, so many of them made before they are asked for. Raises what making them raises.

    Closing it, or interrupting the thread that waits for an item, cancels the `scope`, which ends what the item
    being made waits for, and makes no more: see `DaemonPool`.
    """
    with DaemonPool(1, name="prefetch", scope=scope) as maker:
        made = deque(maker.submit(next, items, _END) for _ in range(most))
        try:
            while (item := made.popleft().result()) is not _END:
                made.append(maker.submit(next, items, _END))
                yield cast("T", item)
        finally:
            for future in made:
                future.cancel()
