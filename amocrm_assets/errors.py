"""Every error of this project, arranged by what the reader of the message does next.

AmoCrmAssetsError
├── MayPass                   wait: the same call may succeed later, so a retry makes sense
│   ├── AmoCrmUnavailable     amoCRM answered 5xx, broke off, or did not answer in time, again and again
│   ├── DayNotOver            the day asked for has not ended yet by amoCRM's clock
│   ├── Busy                  another run holds the account, or another process the warehouse
│   ├── StorageUnavailable    captures, rows or tokens cannot be reached right now
│   └── WarehouseUnavailable  the warehouse cannot be reached right now
├── NeedsPerson               ask a person: retrying changes nothing until somebody acts
│   ├── SettingsError         a setting of a source or of the deployment is wrong
│   ├── NotAuthorised         no token, or one that is expired, revoked, foreign or refused
│   ├── AccessDenied          the account is authorised, but may not do this
│   ├── AccountBlocked        amoCRM refuses everything, or wants to be asked less
│   ├── AccountUnpaid         the account's subscription has ended
│   ├── StorageRefused        a full disk, a read-only folder, a bucket without rights
│   ├── WarehouseRefused      a right, a dataset or a location of the warehouse is wrong
│   └── CaptureDamaged        a capture on disk is not what was written
└── Unexpected                report it: no known version of the other side behaves like this
    ├── UnexpectedAnswer      amoCRM answered what its API does not describe
    ├── ReadingUnproven       it cannot be proven that everything was read
    └── ShardMismatch         the warehouse holds something else than was loaded

Only errors live here. How they become Dagster failures is `orchestration`'s affair.
"""

from __future__ import annotations


class AmoCrmAssetsError(Exception):
    """What was tried, what came back, and what to do now.

    `facts` (source, day, status, request id, …) are for programs and metadata; none may hold a secret.
    """

    def __init__(self, tried: str, *, came_back: str, mend: str, **facts: str | float | None) -> None:
        super().__init__(f"{tried}: {came_back} {mend}")
        self.tried = tried
        self.came_back = came_back
        self.mend = mend
        self.facts = {name: fact for name, fact in facts.items() if fact is not None}


class MayPass(AmoCrmAssetsError):
    """The same call may succeed later."""


class AmoCrmUnavailable(MayPass):
    """amoCRM failed more often, or for longer, than is worth waiting within a run."""


class DayNotOver(MayPass):
    """The end of the window has not passed yet by amoCRM's clock."""


class Busy(MayPass):
    """Somebody else holds what is needed: the account, or the warehouse's file."""


class StorageUnavailable(MayPass):
    """The place of captures, rows or tokens did not answer."""


class WarehouseUnavailable(MayPass):
    """The warehouse did not answer, or its job failed for a passing reason."""


class NeedsPerson(AmoCrmAssetsError):
    """Nothing gets better until a person acts."""


class SettingsError(NeedsPerson):
    """A setting of a source or of the deployment is wrong."""


class NotAuthorised(NeedsPerson):
    """amoCRM does not accept who we are."""


class AccessDenied(NeedsPerson):
    """amoCRM knows who we are and refuses this one thing."""


class AccountBlocked(NeedsPerson):
    """amoCRM refuses everything; asking on makes it worse."""


class AccountUnpaid(NeedsPerson):
    """The account's subscription has ended."""


class StorageRefused(NeedsPerson):
    """The place of captures, rows or tokens cannot take what is written."""


class WarehouseRefused(NeedsPerson):
    """The warehouse refuses: a right, a dataset, a location."""


class CaptureDamaged(NeedsPerson):
    """A capture is not what was written."""


class Unexpected(AmoCrmAssetsError):
    """No known version of the other side behaves like this."""


class UnexpectedAnswer(Unexpected):
    """amoCRM answered what its API does not describe."""


class ReadingUnproven(Unexpected):
    """It cannot be proven that everything was read."""


class ShardMismatch(Unexpected):
    """What the warehouse holds is not what was loaded."""
