"""Stages: what happened to records, and how they are now → their stays in stages, one after the other.

`kept` holds what is needed of all days' rows, month by month, `ordered` gives it record by record, `stays` infers
from it, and `files` writes the table. All of it is a function of the rows, the reference tables and the settings:
a table that is made again is the same, byte for byte.
"""

from __future__ import annotations

from amocrm_assets.rows.stages.files import StagesWritten, write_stages

__all__ = ["StagesWritten", "write_stages"]
