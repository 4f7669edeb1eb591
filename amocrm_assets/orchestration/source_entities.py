"""Which entities a source imports, and which of them have assets in the UI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.entities import ENTITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.entities import Entity
    from amocrm_assets.settings import SourceSettings


def imported(source: SourceSettings, entities: Sequence[Entity] = ENTITIES) -> list[Entity]:
    """The entities that the source's settings switch on, with the tables that they do not switch off."""
    return [entity.for_source(source) for entity in entities if entity.choices.is_imported(source)]


def shown(source: SourceSettings, entities: Sequence[Entity] = ENTITIES) -> list[Entity]:
    """The entities with assets: the imported ones, and those that remain in the UI if they are switched off."""
    return [
        entity.for_source(source)
        for entity in entities
        if entity.choices.is_imported(source) or entity.choices.stays
    ]


def scheduled(source: SourceSettings, entities: Sequence[Entity] = ENTITIES) -> list[Entity]:
    """The entities that the source's job materialises; if none is imported, those that report it in a run."""
    return imported(source, entities) or shown(source, entities)
