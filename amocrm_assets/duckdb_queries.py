"""Queries of DuckDB that end when a signal arrives: DuckDB looks at signals only between its tasks."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from amocrm_assets.daemon_pool import run_interruptible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")


class Connection(Protocol):
    """A connection of DuckDB, or a cursor: here DuckDB need not be imported."""

    def interrupt(self) -> None:
        """End the connection's query, from another thread than the query's."""


@contextmanager
def duckdb_interrupted() -> Iterator[None]:
    """Raise `KeyboardInterrupt` where a signal ended a query of DuckDB, which drops what the handler raised."""
    try:
        yield
    except RuntimeError as error:
        if str(error) == "Query interrupted":
            raise KeyboardInterrupt from error
        raise


def run_query(connection: Connection, query: Callable[[], T]) -> T:
    """The result of a query that may take long: a single task of it may take minutes."""
    return run_interruptible(query, connection.interrupt, name="duckdb")
