"""Items that are made in a thread of their own while the ones before are being worked on."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeVar, cast

from amocrm_assets.daemon_pool import DaemonPool

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from amocrm_assets.cancellation import CancelScope

T = TypeVar("T")
_END = object()


def prefetch(
    items: Iterator[T], *, most: int, scope: CancelScope | None = None, on_stop: Callable[[], None] = lambda: None
) -> Generator[T]:
    """The items in their order, so many of them made before they are asked for. Raises what making them raises.

    Closing it, or interrupting the thread that waits for an item, makes no more and waits for the one that is
    being made, as `DaemonPool` does for the calls of a `scope`. `on_stop` is called before that wait: it ends what
    the item itself is waiting for.
    """
    with DaemonPool(1, name="prefetch", scope=scope) as maker:
        made = deque(maker.submit(next, items, _END) for _ in range(most))
        try:
            while (item := made.popleft().result()) is not _END:
                made.append(maker.submit(next, items, _END))
                yield cast("T", item)
        except BaseException:
            on_stop()
            raise
        finally:
            for future in made:
                future.cancel()
