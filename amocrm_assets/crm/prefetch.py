"""Items that are made in a thread of their own while the ones before are being worked on."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

T = TypeVar("T")
_END = object()


def prefetch(items: Iterator[T], *, most: int) -> Generator[T]:
    """The items in their order, so many of them made before they are asked for. Raises what making them raises.

    Closing it makes no more, and waits for the one that is being made.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="prefetch") as maker:
        made = deque(maker.submit(next, items, _END) for _ in range(most))
        try:
            while (item := made.popleft().result()) is not _END:
                made.append(maker.submit(next, items, _END))
                yield cast("T", item)
        finally:
            for future in made:
                future.cancel()
