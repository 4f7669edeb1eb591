"""Memory of Arrow that goes back to the system when it is freed."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

_lock = Lock()
# The allocator of before, once for each context that is open: they may end in another order, in several threads.
_before: list[pa.MemoryPool] = []


@contextmanager
def arrow_memory_returned() -> Iterator[None]:
    """Within this context, Arrow allocates from the system.

    Its default allocator keeps about 100 MB of freed memory in each process, to which the next step's memory
    would add. The setting belongs to the process; a buffer is freed by the allocator that it came from.
    """
    import pyarrow as pa

    with _lock:
        _before.append(_before[0] if _before else pa.default_memory_pool())
        pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        with _lock:
            before = _before.pop()
            if not _before:
                pa.set_memory_pool(before)
