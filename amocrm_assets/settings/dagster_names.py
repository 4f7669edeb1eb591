"""Which owners and tags Dagster accepts. Others would stop the code location, and the error would name no file.

The patterns are copied from Dagster (`dagster._core.utils.is_valid_email`, `dagster._utils.tags`), since settings
do not import it; a test compares the results.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_EMAIL = re.compile(r"\b[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Z|a-z]{2,7}\b")
_TEAM = "team:"
_TAG = re.compile(r"^([A-Za-z0-9_.-]{1,63}/|dagster/kind/)?[A-Za-z0-9_.-]{1,63}$")
_TAG_VALUE = re.compile(r"^[A-Za-z0-9_.-]{0,63}$")
KIND_PREFIX = "dagster/kind/"
# Dagster allows an asset ten kinds; the assets of this package already have two.
MAX_KINDS = 8


def check_owners(owners: Sequence[str]) -> None:
    """Raise `ValueError` for an owner that Dagster would reject."""
    for owner in owners:
        if not (_EMAIL.fullmatch(owner) or (owner.startswith(_TEAM) and owner != _TEAM)):
            raise ValueError(
                f"{owner!r} is not an owner; write team:name, or an e-mail address (Dagster accepts those in Latin"
                " letters whose last part, like `com`, has 2 to 7 letters)"
            )


def check_tags(tags: Mapping[str, str]) -> None:
    """Raise `ValueError` for tags that Dagster would reject."""
    for name, value in tags.items():
        if not (_TAG.match(name) and _TAG_VALUE.match(value)):
            raise ValueError(
                f"{name!r} is not a tag; names and values are up to 63 letters, digits, `_`, `-` and `.`; a name"
                " may have one `namespace/` before it"
            )
    if sum(name.startswith(KIND_PREFIX) for name in tags) > MAX_KINDS:
        raise ValueError(f"more than {MAX_KINDS} tags begin with {KIND_PREFIX}; remove some")
