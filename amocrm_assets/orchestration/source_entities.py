"""Which entities a source brings, and which of them have assets in the UI."""

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
    """Those with assets: the imported ones, and such as stay in the UI where they are switched off."""
    return [
        entity.for_source(source)
        for entity in entities
        if entity.choices.is_imported(source) or entity.choices.stays
    ]


def scheduled(source: SourceSettings, entities: Sequence[Entity] = ENTITIES) -> list[Entity]:
    """Those that the source's job materialises; where none is imported, those that say so when it is started."""
    return imported(source, entities) or shown(source, entities)
