"""The owners and tags that Dagster accepts. Others would stop the whole code location; the error names no file.

The patterns are Dagster's own (`dagster._core.utils.is_valid_email`, `dagster._utils.tags`). Settings do not
import Dagster, so a test compares the answers.
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
# An asset may have ten; each of ours already has two.
MAX_KINDS = 8


def check_owners(owners: Sequence[str]) -> None:
    """Raise `ValueError` for an owner that Dagster refuses."""
    for owner in owners:
        if not (_EMAIL.fullmatch(owner) or (owner.startswith(_TEAM) and owner != _TEAM)):
            raise ValueError(
                f"{owner!r} is not an owner; write team:name, or an e-mail address (Dagster takes those in Latin"
                " letters whose last part, like `com`, has 2 to 7)"
            )


def check_tags(tags: Mapping[str, str]) -> None:
    """Raise `ValueError` for tags that Dagster refuses."""
    for name, value in tags.items():
        if not (_TAG.match(name) and _TAG_VALUE.match(value)):
            raise ValueError(
                f"{name!r} is not a tag; names and values are up to 63 letters, digits, `_`, `-` and `.`, a name"
                " also after one `namespace/`"
            )
    if sum(name.startswith(KIND_PREFIX) for name in tags) > MAX_KINDS:
        raise ValueError(f"more than {MAX_KINDS} tags begin with {KIND_PREFIX}; remove some")
