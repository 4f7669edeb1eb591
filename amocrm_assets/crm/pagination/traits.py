"""What is known about an account's lists before a reading begins: initial assumptions, never proofs.

A reading verifies each of them, and follows what it observes if that differs.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AccountTraits:
    """How the lists of one account behave; None is unknown.

    `from_is_inclusive`: `filter[updated_at][from]` is inclusive. `filters`: lists are filtered by time.
    `max_limit`: the largest page, in records, that the account returns.
    """

    from_is_inclusive: bool | None = None
    filters: bool | None = None
    max_limit: int | None = None


UNKNOWN = AccountTraits()
