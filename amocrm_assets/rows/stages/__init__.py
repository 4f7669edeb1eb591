"""Stages: the stays of records in stages, from their events and their newest state.

`month_files` stores the needed columns of all days' rows by month, `ordered` reads them record by record, `stays`
infers the stays, and `files` writes the table. All of it is a function of the rows, the reference tables and the
settings: a rebuilt table is the same, byte for byte.
"""

from __future__ import annotations

from amocrm_assets.rows.stages.files import StagesWritten, write_stages

__all__ = ["StagesWritten", "write_stages"]
