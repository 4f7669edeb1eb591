"""Every error of this project, arranged by what the reader of the message does next.

AmoCrmAssetsError
├── TransientError                   wait: the same call may succeed later, so a retry makes sense
│   ├── AmoCrmUnavailable     amoCRM answered 5xx or 429, broke off, or did not answer in time, again and again
│   ├── DayNotOver            the day asked for has not ended yet by amoCRM's clock
│   ├── Busy                  another run holds the account, or another process the warehouse
│   ├── StorageUnavailable    captures, rows or tokens cannot be reached right now
│   └── WarehouseUnavailable  the warehouse cannot be reached right now
├── ActionRequired               ask a person: retrying changes nothing until somebody acts
│   ├── SettingsError         a setting of a source or of the deployment is wrong
│   ├── NotAuthorised         no token, or one that is expired, revoked, foreign or refused
│   ├── AccessDenied          the account is authorised, but may not do this
│   ├── AccountBlocked        amoCRM's gateway refuses everything
│   ├── AccountUnpaid         the account's subscription has ended
│   ├── StorageRefused        a full disk, a read-only folder, a bucket without rights
│   ├── WarehouseRefused      a right, a dataset or a location of the warehouse is wrong
│   ├── CaptureDamaged        a capture on disk is not what was written
│   ├── RowsDamaged           a rows file is not what was written, and can be made again
│   └── CapturesMixed         captures of different accounts are in one place
└── InternalError                report it: no known version of the other side behaves like this
    ├── UnexpectedAnswer      amoCRM answered what its API does not describe
    ├── ReadingUnproven       it cannot be proven that everything was read
    ├── RowsIncomplete        a captured lead has no row
    └── ShardMismatch         the warehouse holds something else than was loaded

Only errors live here. For how they become Dagster failures see `orchestration`.
"""

from __future__ import annotations

from amocrm_assets.untrusted import visible


class AmoCrmAssetsError(Exception):
    """The operation that failed, its cause, and its fix.

    `facts` (source, day, status, request id, …) are for programs and metadata; none may hold a secret. What a
    server said may be in them: characters that a terminal obeys become visible.
    """

    def __init__(self, operation: str, *, cause: str, fix: str, **facts: str | float | None) -> None:
        self.operation = visible(operation)
        self.cause = visible(cause)
        self.fix = visible(fix)
        super().__init__(f"{self.operation}: {self.cause} {self.fix}")
        self.facts = {name: _shown(fact) for name, fact in facts.items() if fact is not None}


def _shown(fact: str | float) -> str | float:
    return visible(fact) if isinstance(fact, str) else fact


class TransientError(AmoCrmAssetsError):
    """The same call may succeed later."""


class AmoCrmUnavailable(TransientError):
    """amoCRM failed more often, or for longer, than is worth waiting within a run."""


class DayNotOver(TransientError):
    """The end of the window has not passed yet by amoCRM's clock."""


class Busy(TransientError):
    """Somebody else holds what is needed: the account, or the warehouse's file."""


class StorageUnavailable(TransientError):
    """The place of captures, rows or tokens did not answer."""


class WarehouseUnavailable(TransientError):
    """The warehouse did not answer, or its job failed for a passing reason."""


class ActionRequired(AmoCrmAssetsError):
    """Nothing gets better until a person acts."""


class SettingsError(ActionRequired):
    """A setting of a source or of the deployment is wrong."""


class NotAuthorised(ActionRequired):
    """amoCRM does not accept who we are."""


class AccessDenied(ActionRequired):
    """amoCRM knows who we are and refuses this one thing."""


class AccountBlocked(ActionRequired):
    """amoCRM refuses everything; asking on makes it worse."""


class AccountUnpaid(ActionRequired):
    """The account's subscription has ended."""


class StorageRefused(ActionRequired):
    """The place of captures, rows or tokens cannot take what is written."""


class WarehouseRefused(ActionRequired):
    """The warehouse refuses: a right, a dataset, a location."""


class CaptureDamaged(ActionRequired):
    """A capture is not what was written."""


class RowsDamaged(ActionRequired):
    """A rows file is not what was written; its captures give it again."""


class CapturesMixed(ActionRequired):
    """Captures of different accounts of amoCRM are under one subdomain."""


class InternalError(AmoCrmAssetsError):
    """No known version of the other side behaves like this."""


class UnexpectedAnswer(InternalError):
    """amoCRM answered what its API does not describe."""


class ReadingUnproven(InternalError):
    """It cannot be proven that everything was read."""


class RowsIncomplete(InternalError):
    """A lead that was captured has no row, or there is a row that nothing captured stands for."""


class ShardMismatch(InternalError):
    """What the warehouse holds is not what was loaded."""
