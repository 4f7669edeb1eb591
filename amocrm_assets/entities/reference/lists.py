"""The small lists of an account that are read as a whole, and what each of them can prove.

Sources: the official client (php models and filters), Kommo's reference pages for users, pipelines, tags and
custom fields. For reading a list see `crm.pagination.whole_lists`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# Stages with the same two ids in every pipeline
# (https://www.amocrm.ru/developers/content/crm_platform/leads_pipelines).
WON, LOST = 142, 143
# Documented lists accept 250 or fall back to fewer.
_PAGED: Mapping[str, int | str] = {"limit": 250}


@dataclass(frozen=True)
class WholeList:
    """A list of API v4 that is read as a whole each time. `name` is its name in captures and findings.

    `embedded` is the property of `_embedded` with the records; None means that the response itself is the only
    record. `has_total`: the documentation shows `_total_items`. `is_never_empty`: every account has a record.
    `always_within` are ids that the objects `within` each record always include.
    """

    name: str
    title: str
    path: str
    embedded: str | None
    params: Mapping[str, int | str] = field(default_factory=lambda: _PAGED)
    is_paged: bool = True
    has_total: bool = False
    is_never_empty: bool = False
    within: str | None = None
    always_within: frozenset[int] = frozenset()


ACCOUNT = WholeList(
    "account",
    "the account's own properties, groups and task types",
    "/api/v4/account",
    embedded=None,
    params={"with": "task_types,users_groups,datetime_settings"},
    is_paged=False,
    is_never_empty=True,
)
PIPELINES = WholeList(
    "pipelines",
    "pipelines with their stages",
    "/api/v4/leads/pipelines",
    "pipelines",
    params={},
    is_paged=False,
    has_total=True,
    is_never_empty=True,
    within="statuses",
    always_within=frozenset({WON, LOST}),
)
_ENTITY_TYPES = ("leads", "contacts", "companies")

LISTS: tuple[WholeList, ...] = (
    ACCOUNT,
    PIPELINES,
    WholeList(
        "users",
        "users",
        "/api/v4/users",
        "users",
        params={"with": "role,group,uuid,amojo_id,user_rank,phone_number", **_PAGED},
        has_total=True,
        is_never_empty=True,
    ),
    WholeList("loss_reasons", "loss reasons", "/api/v4/leads/loss_reasons", "loss_reasons"),
    *(
        WholeList(
            f"{entity_type}_custom_fields",
            f"custom fields of {entity_type}",
            f"/api/v4/{entity_type}/custom_fields",
            "custom_fields",
            has_total=True,
        )
        for entity_type in _ENTITY_TYPES
    ),
    *(
        WholeList(f"{entity_type}_tags", f"tags of {entity_type}", f"/api/v4/{entity_type}/tags", "tags")
        for entity_type in _ENTITY_TYPES
    ),
)
