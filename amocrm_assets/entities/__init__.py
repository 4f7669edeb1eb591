"""What amoCRM has: a module for each entity, which declares it once. Pure declarations: no I/O, no Dagster."""

from __future__ import annotations

from amocrm_assets.entities.entity import Captured, Entity
from amocrm_assets.entities.leads import LEADS
from amocrm_assets.entities.table import Column, Table

__all__ = ["LEADS", "Captured", "Column", "Entity", "Table"]
