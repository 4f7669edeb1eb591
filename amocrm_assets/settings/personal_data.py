"""Settings of a source about personal data: fields that are not stored, fields that are hashed, and the key.

`privacy` applies them to records. The key is a secret of the deployment.
"""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import Field

from amocrm_assets.entities import ENTITIES, latest_table
from amocrm_assets.entities.latest import FIELD_COLUMN
from amocrm_assets.entities.reference import REFERENCE_TABLES
from amocrm_assets.errors import SettingsError
from amocrm_assets.settings.credentials import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from amocrm_assets.entities import Column

HASH_KEY_VARIABLE = "AMOCRM_HASH_KEY"
# A shorter key could be guessed; `openssl rand -hex 32` creates 64 characters.
MIN_KEY_CHARACTERS = 16
_POLICY_TAG = re.compile(r"projects/[^/\s]+/locations/[^/\s]+/taxonomies/[0-9]+/policyTags/[0-9]+")
# Properties that rows need: they assign records to days, count them, and join them.
NEEDED_PROPERTIES = frozenset(
    {
        "_embedded", "_links", "account_id", "closed_at", "closest_task_at", "complete_till", "created_at",
        "created_by", "entity_id", "entity_type", "enum_id", "field_id", "group_id", "id", "is_deleted", "is_main",
        "loss_reason_id", "note_type", "params", "pipeline_id", "responsible_user_id", "status_id", "type",
        "updated_at", "updated_by", "value", "value_after", "value_before", "values",
    }
)  # fmt: skip


class HashField(Settings):
    """A field to be hashed, and the method."""

    field: str | int = Field(
        description="A kind (`phone`, `email`, `name`), a property of records, or the name, code or id of a"
        " custom field.",
        examples=["email"],
    )
    plain_sha256: bool = Field(
        default=False,
        description="SHA-256 without the key, as advertising platforms need it to match addresses."
        " Anyone with a list of addresses can find the original values.",
        examples=[True],
    )


# Fields of `SourceSettings` about personal data.
DROP_FIELDS: Any = Field(
    default_factory=list,
    description="Personal data that is never stored: kinds (`phone`, `email`, `name`), properties of records,"
    " or names, codes and ids of custom fields.",
    examples=[["phone", "email", "Паспорт"]],
)
HASH_FIELDS: Any = Field(
    default_factory=list,
    description="Personal data that is stored only as HMAC-SHA-256 with `AMOCRM_HASH_KEY`: equal values have"
    " equal hashes. Entries as in `drop_fields`, or `{field: email, plain_sha256: true}`.",
    examples=[["phone", {"field": "email", "plain_sha256": True}]],
)
PHONE_REGION: Any = Field(
    default="RU",
    description="The country of phone numbers without `+` and country code, for hashing phones.",
    examples=["KZ"],
)
KEEP_CAPTURES_DAYS: Any = Field(
    default=None,
    description="Captures older than this number of days are removed after a file with the data of their rows"
    " replaces them. Default: captures are kept forever.",
    examples=[90],
)
POLICY_TAGS: Any = Field(
    default_factory=dict,
    description="BigQuery: policy tags by column name, in every table with this column; a part of a RECORD by"
    " its path.",
    examples=[{"name": "projects/my-project/locations/eu/taxonomies/1234/policyTags/5678"}],
)


def protected(value: list[str | int]) -> list[str | int]:
    """Entries of `drop_fields`. Raises `ValueError` for a property that rows need."""
    for name in value:
        _require_not_needed(name)
    return value


def hashed(value: list[str | int | HashField]) -> list[str | int | HashField]:
    """Entries of `hash_fields`. Raises `ValueError` for one that cannot be hashed or is repeated."""
    names = [str(hash_field(each).field).casefold() for each in value]
    for each in value:
        _require_not_needed(hash_field(each).field)
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{', '.join(twice)} is repeated; keep one entry of it")
    return value


def policy_tags(value: dict[str, str]) -> dict[str, str]:
    """Policy tags by column. Raises `ValueError` for an invalid one."""
    for tag in value.values():
        if not _POLICY_TAG.fullmatch(tag):
            raise ValueError(
                f"{tag!r} is not a policy tag; write"
                " projects/PROJECT/locations/LOCATION/taxonomies/ID/policyTags/ID"
            )
    return value


def unknown_column(tagged: Iterable[str], named: Iterable[str]) -> str | None:
    """What is wrong with columns in `policy_tags`, if anything. `named` are named columns of custom fields."""
    known = _columns().union(named)
    for column in tagged:
        if column not in known and not FIELD_COLUMN.fullmatch(column):
            close = get_close_matches(column, sorted(known), n=1)
            meant = f"; did you mean {close[0]}?" if close else ""
            return f"policy_tags contains {column!r}, but no table has such a column with values{meant}"
    return None


@cache
def _columns() -> frozenset[str]:
    """Paths of all columns with values, of all tables."""
    tables = [table for entity in ENTITIES for table in entity.tables]
    flat = [latest_table(table) for table in tables if table.latest]
    return frozenset(path for table in (*tables, *flat, *REFERENCE_TABLES) for path in _paths(table.columns))


def _paths(columns: Iterable[Column], within: str = "") -> Iterator[str]:
    for column in columns:
        if column.columns:
            yield from _paths(column.columns, f"{within}{column.name}.")
        else:
            yield f"{within}{column.name}"


def hash_field(entry: str | int | HashField) -> HashField:
    """An entry of `hash_fields` as `HashField`."""
    return entry if isinstance(entry, HashField) else HashField(field=entry)


def contradiction(
    drop_fields: Sequence[str | int],
    hash_fields: Iterable[str | int | HashField],
    *,
    store_only_chosen: bool,
    chosen: Mapping[str, object],
) -> str | None:
    """What is wrong with the combination of attributes, if anything.

    `chosen` are the lists of custom fields, by attribute.
    """
    dropped = {str(name).casefold() for name in drop_fields}
    both = sorted(dropped & {str(hash_field(each).field).casefold() for each in hash_fields})
    if both:
        return f"{', '.join(both)} is in drop_fields and in hash_fields; leave it in one of them"
    if store_only_chosen and all(each is None for each in chosen.values()):
        return f"store_only_chosen needs a list of custom fields to store: also set {' or '.join(chosen)}"
    return None


def hash_key(hash_fields: Sequence[object], environment: Mapping[str, str] = os.environ) -> bytes | None:
    """The secret in `AMOCRM_HASH_KEY`; None if nothing is hashed.

    Raises `SettingsError` if it is missing, too short, or in quotation marks.
    """
    if not hash_fields:
        return None
    key = environment.get(HASH_KEY_VARIABLE, "").strip()
    if not key:
        cause = "the source has `hash_fields`, but the variable is not set."
    elif len(key) < MIN_KEY_CHARACTERS:
        cause = f"it has {len(key)} characters; a key of fewer than {MIN_KEY_CHARACTERS} can be guessed."
    elif key[0] in "\"'" or key[-1] in "\"'":
        cause = "it begins or ends with a quotation mark, which would be part of the key."
    else:
        return key.encode()
    raise SettingsError(
        f"Reading the environment variable {HASH_KEY_VARIABLE}",
        cause=cause,
        fix=f"Create a key once (`openssl rand -hex 32`), keep it as long as hashes must stay equal, and set"
        f" {HASH_KEY_VARIABLE} for the process that runs Dagster (docs/privacy.md). Nothing was read.",
        variable=HASH_KEY_VARIABLE,
    )


def _require_not_needed(name: str | int) -> None:
    if str(name).casefold() in NEEDED_PROPERTIES:
        raise ValueError(f"{name!r} cannot be dropped or hashed: rows need it for their day, counts or joins")
