"""Every error of this project, grouped by what the reader of the message has to do next.

AmoCrmAssetsError
├── TransientError                   wait: the same call may succeed later, so a retry makes sense
│   ├── AmoCrmUnavailable     amoCRM repeatedly returned 5xx or 429, or the connection broke or timed out
│   ├── DayNotOver            the requested day has not ended yet by amoCRM's clock
│   ├── Busy                  another run holds the account, or another process the warehouse
│   ├── StorageUnavailable    captures, rows or tokens cannot be reached right now
│   └── WarehouseUnavailable  the warehouse cannot be reached right now
├── ActionRequired               act: retrying does not help until the cause is fixed
│   ├── SettingsError         a setting of a source or of the deployment is wrong
│   ├── NotAuthorised         no token, or one that is expired, revoked, foreign or refused
│   ├── AccessDenied          the account is authorised, but may not do this
│   ├── AccountBlocked        amoCRM's gateway refuses all requests
│   ├── AccountUnpaid         the account's subscription has ended
│   ├── StorageRefused        a full disk, a read-only folder, a bucket without permissions
│   ├── WarehouseRefused      a permission, a dataset or a location of the warehouse is wrong
│   ├── CaptureDamaged        a capture on disk is not what was written
│   ├── RowsDamaged           a rows file is not what was written, and can be rebuilt
│   └── CapturesMixed         captures of different accounts are in one place
└── InternalError                report it: no known behaviour of amoCRM or the warehouse explains this
    ├── UnexpectedAnswer      amoCRM's response is not documented in its API
    ├── ReadingUnproven       it cannot be verified that everything was read
    ├── RowsIncomplete        a captured lead has no row
    └── ShardMismatch         the table in the warehouse differs from the loaded rows

For how errors become Dagster failures see `orchestration`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from amocrm_assets.untrusted import visible


class AmoCrmAssetsError(Exception):
    """The operation that failed, its cause, and its fix.

    `facts` (source, day, status, request id, …) are for programs and metadata; none may contain a secret. They may
    contain text from a server, in which control characters are made visible.
    """

    def __init__(self, operation: str, *, cause: str, fix: str, **facts: str | float | None) -> None:
        self.operation = visible(operation)
        self.cause = visible(cause)
        self.fix = visible(fix)
        super().__init__(f"{self.operation}: {self.cause} {self.fix}")
        self.facts = {name: _shown(fact) for name, fact in facts.items() if fact is not None}

    def __reduce__(self) -> tuple[Any, ...]:
        """For other processes: `rows.many_days` raises what was raised in them."""
        made = partial(type(self), cause=self.cause, fix=self.fix)
        return made, (self.operation,), self.__dict__


def _shown(fact: str | float) -> str | float:
    return visible(fact) if isinstance(fact, str) else fact


class TransientError(AmoCrmAssetsError):
    """The same call may succeed later."""


class AmoCrmUnavailable(TransientError):
    """amoCRM failed more often, or for longer, than a run retries."""


class DayNotOver(TransientError):
    """The end of the window has not passed yet by amoCRM's clock."""


class Busy(TransientError):
    """Another process holds the account's lock or the warehouse's file."""


class StorageUnavailable(TransientError):
    """The storage of captures, rows or tokens did not respond."""


class WarehouseUnavailable(TransientError):
    """The warehouse did not respond, or its job failed for a transient reason."""


class ActionRequired(AmoCrmAssetsError):
    """Retrying does not help until somebody fixes the cause."""


class SettingsError(ActionRequired):
    """A setting of a source or of the deployment is wrong."""


class NotAuthorised(ActionRequired):
    """amoCRM does not accept the token."""


class AccessDenied(ActionRequired):
    """amoCRM accepts the token, but refuses this request."""


class AccountBlocked(ActionRequired):
    """amoCRM refuses all requests; further requests make it worse."""


class AccountUnpaid(ActionRequired):
    """The account's subscription has ended."""


class StorageRefused(ActionRequired):
    """The storage of captures, rows or tokens cannot be written."""


class WarehouseRefused(ActionRequired):
    """The warehouse refuses the request: a permission, a dataset, a location."""


class CaptureDamaged(ActionRequired):
    """A capture is not what was written."""


class RowsDamaged(ActionRequired):
    """A rows file is not what was written; it can be rebuilt from captures."""


class CapturesMixed(ActionRequired):
    """Captures of different accounts of amoCRM are under one subdomain."""


class InternalError(AmoCrmAssetsError):
    """No known behaviour of amoCRM or the warehouse explains this."""


class UnexpectedAnswer(InternalError):
    """amoCRM's response is not documented in its API."""


class ReadingUnproven(InternalError):
    """It cannot be verified that everything was read."""


class RowsIncomplete(InternalError):
    """A captured lead has no row, or a row belongs to no captured lead."""


class ShardMismatch(InternalError):
    """The table in the warehouse differs from the loaded rows."""
