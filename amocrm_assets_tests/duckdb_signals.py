"""What DuckDB raises as `RuntimeError` where a signal ended a query; it drops what the handler raised."""

from __future__ import annotations

DUCKDB_SAYS = "Query interrupted"
