"""Validates the attributes of a source. Each function returns the attribute or raises `ValueError` with the fix.

Constraints on the fields themselves would reject templates that Dagster has not filled in yet.
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from amocrm_assets.entities import ENTITIES, WITH_CUSTOM_FIELDS, latest_table
from amocrm_assets.entities.latest import COLUMN_NAME, FIELD_COLUMN
from amocrm_assets.settings.credentials import has_a_host, variable_name
from amocrm_assets.settings.dagster_names import check_owners, check_tags
from amocrm_assets.settings.loopback import is_cleartext

if TYPE_CHECKING:
    from pydantic import ValidationInfo

# The maximum length of a label in a host name (RFC 1035, 2.3.4).
MAX_SUBDOMAIN_CHARACTERS = 63
# Far more than any account has; they limit the work that one line of defs.yaml can cause.
MAX_FIELDS, MAX_NAME_CHARACTERS = 10_000, 1_000
MAX_REQUESTS_PER_SECOND = 50
SUBDOMAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?")


def text(value: object) -> object:
    """A text; YAML reads digits without quotes as a number."""
    if isinstance(value, int | float):
        raise ValueError(f'a number here needs quotes: subdomain: "{value}"')  # noqa: TRY004  # pydantic's
    return value


def subdomain(value: str) -> str:
    """The account's name."""
    if not SUBDOMAIN.fullmatch(value):
        raise ValueError(f"{value!r} is not a subdomain; write only the account's name: letters, digits, hyphens")
    if len(value) > MAX_SUBDOMAIN_CHARACTERS:
        raise ValueError(f"a subdomain has up to {MAX_SUBDOMAIN_CHARACTERS} characters, this has {len(value)}")
    return value


def origin(value: str | None) -> str | None:
    """The address of an account, without a trailing slash."""
    if value is None:
        return None
    if "@" in value:  # not repeated: it may hold a password
        raise ValueError("an address must not contain a user or a password; write like https://my-shop.kommo.com")
    if not re.fullmatch(r"https?://[^/?#\s]+/?", value) or not has_a_host(value):
        raise ValueError(f"{value!r} is not an address of an account; write like https://my-shop.kommo.com")
    if is_cleartext(value):
        raise ValueError(
            f"{value!r} would send the token unencrypted; write https:// (http:// is allowed only for 127.0.0.1,"
            " [::1] and localhost)"
        )
    return value.rstrip("/")


def variable(value: str | None) -> str | None:
    """The name of an environment variable."""
    return value and variable_name(value)


def zone(value: str) -> str:
    """A time zone by its IANA name."""
    if value not in _zones():
        raise ValueError(f"{value!r} is not a time zone; write an IANA name like Europe/Moscow")
    return value


@cache
def _zones() -> frozenset[str]:
    """Names that mean the same on every machine. Cached, since finding them reads a folder."""
    return frozenset(available_timezones() - {"localtime", "posixrules", "Factory"})


def title(value: str | None) -> str | None:
    """A display name: one line."""
    if value is not None and (len(value) > MAX_NAME_CHARACTERS or not value.isprintable()):
        raise ValueError(f"a display name is one line of at most {MAX_NAME_CHARACTERS} characters")
    return value


def field_names(value: object) -> object:
    """Names, codes and ids of custom fields, each with or without its column."""
    for each in value if isinstance(value, list) else []:
        if isinstance(each, dict) and each.keys() != {"field", "column"}:
            raise ValueError(f"{each!r} is not a field; write it with its column, {{field: Город, column: city}}")
    return names(value)


def names(value: object) -> object:
    """Names of fields of any kind, each as such or as the `field` of a mapping."""
    if isinstance(value, list) and len(value) > MAX_FIELDS:
        raise ValueError(f"there are {len(value)} fields; the maximum is {MAX_FIELDS}")
    for each in value if isinstance(value, list) else []:
        name = each.get("field") if isinstance(each, dict) else each
        if isinstance(name, str) and len(name) > MAX_NAME_CHARACTERS:
            raise ValueError(f"{name[:20]!r}… is not a field: it has over {MAX_NAME_CHARACTERS} characters")
        if isinstance(name, bool) or name == "":
            raise ValueError(f"{name!r} is not a field; write a name, a code or an id, in quotes if necessary")
    return value


def named_columns(fields: list[Any] | None, info: ValidationInfo) -> list[Any] | None:
    """Columns of custom fields must be new in the flat table of the attribute's entity."""
    named: set[str] = set()
    for column in (each.column for each in fields or () if hasattr(each, "column")):
        if not COLUMN_NAME.fullmatch(column):
            raise ValueError(
                f"{column!r} is not a column name; write up to 128 Latin letters, digits and _, a letter first"
            )
        if column.lower() in _taken(str(info.field_name)) or FIELD_COLUMN.fullmatch(column):
            raise ValueError(f"the flat table already has a column {column!r}; give the field another one")
        if column.lower() in named:
            raise ValueError(f"two fields have the column {column!r}; give one of them another column")
        named.add(column.lower())
    return fields


@cache
def _taken(attribute: str) -> frozenset[str]:
    """The columns of the flat table of the entity whose fields an attribute selects, in lower case."""
    return frozenset(column.name.lower() for column in latest_table(WITH_CUSTOM_FIELDS[attribute].table).columns)


def reference(value: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic calls it
    """Reference tables must be imported if shards take names from them."""
    named = [table.shard_name_column for entity in ENTITIES for table in entity.tables]
    needing = [each.wanted for each in named if each and info.data.get(each.wanted)]
    if needing and not value:
        raise ValueError(
            f"`{needing[0]}: true` takes names from the reference tables; remove `import_reference: false`, or set"
            f" {needing[0]} to false"
        )
    return value


def day(value: object) -> str:
    """A day as `YYYY-MM-DD`; other YAML loaders read a day without quotes as a date."""
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError as error:
        raise ValueError(f"{value!r} is not a day; write it as YYYY-MM-DD") from error


def rate(value: float) -> float:
    """Requests per second."""
    if not 0 < value <= MAX_REQUESTS_PER_SECOND:
        raise ValueError(f"{value:g} is not greater than 0 and at most {MAX_REQUESTS_PER_SECOND}")
    return value


def days_kept(value: int | None) -> int | None:
    """Days for which captures are kept: at least one."""
    if value is not None and value < 1:
        raise ValueError(f"{value} is not a number of days; remove the attribute to keep captures forever")
    return value


def region(value: str) -> str:
    """A country as two letters (ISO 3166)."""
    from phonenumbers import SUPPORTED_REGIONS

    if value not in SUPPORTED_REGIONS:
        raise ValueError(f"{value!r} is not a country with phone numbers; write two letters like RU or KZ")
    return value


def owners(value: list[str]) -> list[str]:
    """Owners that Dagster accepts."""
    check_owners(value)
    return value


def tags(value: dict[str, str]) -> dict[str, str]:
    """Tags that Dagster accepts."""
    check_tags(value)
    return value
