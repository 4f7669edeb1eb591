"""What is known of an account's lists before a reading begins: beliefs to start from, never proofs.

A reading verifies each of them as it goes, and follows what it sees where that differs.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AccountTraits:
    """How the lists of one account behave; None is unknown.

    `from_is_inclusive`: `filter[updated_at][from]` holds its own second. `filters`: lists are filtered by time.
    `max_limit`: the largest page, in records, that the account answers.
    """

    from_is_inclusive: bool | None = None
    filters: bool | None = None
    max_limit: int | None = None


UNKNOWN = AccountTraits()
