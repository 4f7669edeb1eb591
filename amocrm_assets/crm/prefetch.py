"""Items that are made in a thread of their own while the ones before are being worked on."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

T = TypeVar("T")
_END = object()


def prefetch(items: Iterator[T], *, most: int, on_stop: Callable[[], None] = lambda: None) -> Generator[T]:
    """The items in their order, so many of them made before they are asked for. Raises what making them raises.

    Closing it, or interrupting the thread that waits for an item, makes no more and waits for the one that is
    being made. `on_stop` is called before that wait: it ends what the item itself is waiting for.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="prefetch") as maker:
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
