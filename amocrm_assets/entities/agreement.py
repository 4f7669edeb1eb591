"""Which events show that a record of another list was changed, so that one list can be compared with the other.

amoCRM does not document which events change `updated_at`. Changes of the lead's own properties do in every account
that was observed; for tags it is unknown. Links, tasks, calls and messages sometimes do not, so they prove
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from amocrm_assets.entities.entity import Entity
from amocrm_assets.entities.events import EVENTS
from amocrm_assets.entities.leads import LEADS


@dataclass(frozen=True)
class Agreement:
    """Types of events of an `entity_type` that are compared with the records of a list.

    After one of `certain` types, the record is in the list at that time or later; after one of `uncertain` types
    it should be. A record that was `deleted` should be in the trash, but may have been purged, and one that was
    `merged` away is in no list.
    """

    of: Entity
    events: Entity
    entity_type: str
    certain: frozenset[str]
    uncertain: frozenset[str]
    deleted: str
    merged: str


AGREEMENT = Agreement(
    of=LEADS,
    events=EVENTS,
    entity_type="lead",
    certain=frozenset({
        "lead_status_changed", "entity_responsible_changed", "sale_field_changed", "lead_restored",
    }),
    # Incoming leads that are not accepted are missing in the lists of some accounts.
    uncertain=frozenset({"lead_added", "entity_tag_added", "entity_tag_deleted"}),
    deleted="lead_deleted",
    merged="entity_merged",
)  # fmt: skip
