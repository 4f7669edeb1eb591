"""Memory of Arrow that goes back to the system when it is freed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def arrow_memory_returned() -> Iterator[None]:
    """Within this context, Arrow allocates from the system.

    Its default allocator keeps about 100 MB of freed memory in each process, to which the next step's memory
    would add. The setting belongs to the process; a buffer is freed by the allocator that it came from.
    """
    import pyarrow as pa

    default = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(default)
