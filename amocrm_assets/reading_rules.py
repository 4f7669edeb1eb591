"""Rules for storing what was read: the day is over by both clocks, and the account is that of earlier captures.

Only headers of captures are read here. For how days are captured see `capturing`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from amocrm_assets.captures import captures_by_day, read_header
from amocrm_assets.captures.privacy import key_of
from amocrm_assets.entities import ENTITIES
from amocrm_assets.errors import CaptureDamaged, CapturesMixed, DayNotOver

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from amocrm_assets.captures import CapturedPrivacy, CaptureFound, CaptureHeader
    from amocrm_assets.crm.account import Account
    from amocrm_assets.crm.http.server_clock import ServerClock
    from amocrm_assets.days import Window
    from amocrm_assets.entities import Entity
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage

# Just-edited leads appear in lists a little late (seen by other connectors up to a minute).
SETTLING_SECONDS = 60
# If amoCRM's responses have no `Date`, a day counts as over this long after its end by our clock.
UNCONFIRMED_SECONDS = 86_400
# Marks a fingerprint that was not determined yet.
_UNREAD = ""


def require_over(
    source: SourceSettings,
    day: date,
    window: Window,
    started_at: datetime,
    amocrm: ServerClock,
    *,
    last: bool = False,
) -> None:
    """Raise `DayNotOver` unless the day was over, by amoCRM's clock and by ours, when the read started.

    `last`: there will be no more responses with amoCRM's time. If there were too few, our clock decides, with a
    longer delay.
    """
    over_at = window.to_at + 1 + SETTLING_SECONDS
    ours, theirs = started_at.timestamp(), started_at.timestamp() + amocrm.difference
    if amocrm.is_known:
        missing, amocrm_says = over_at - min(ours, theirs), _moment(theirs)
    else:
        missing = over_at + (UNCONFIRMED_SECONDS if last else 0) - ours
        amocrm_says = "unknown: its responses have no usable `Date`, so a day is read a day later"
    if missing > 0:
        raise DayNotOver(
            f"Reading {day} of {source.title}",
            cause=f"it ends at {_moment(window.to_at + 1)}, and the last edits are in amoCRM's lists"
            f" {SETTLING_SECONDS} seconds later. When the reading started, amoCRM's clock was {amocrm_says}, this"
            f" machine's {_moment(ours)}: {missing:.0f} seconds too early.",
            fix="Materialise it after that; the schedule does so automatically. If a clock is wrong, correct it.",
            source=source.subdomain,
            day=day.isoformat(),
            seconds_missing=round(missing),
        )


def require_own(source: SourceSettings, account: Account, records: str, account_ids: Iterable[int | None]) -> None:
    """Raise `CapturesMixed` if `records` belong to another account than the requested one, by their account ids.

    None and 0 are records without one.
    """
    others = set(account_ids) - {None, 0, account.id}
    if others:
        raise CapturesMixed(
            f"Reading {records} of {source.title}",
            cause=f"amoCRM sent {records} of the account {others.pop()}, and the requested account has the id"
            f" {account.id} ({account.subdomain}). Nothing is written of what was not finished.",
            fix=f"Check with `amocrm-assets check {source.subdomain}` whose authorisation it is, and whether a"
            " proxy between this machine and amoCRM caches responses or sends them to the wrong account; then"
            " materialise it again.",
            source=source.subdomain,
            account_id=account.id,
        )


class EarlierCaptures:
    """The captures of a source before a read."""

    def __init__(self, entity: Entity, storage: Storage, source: SourceSettings) -> None:
        self._entity = entity
        self._storage = storage
        self._source = source
        self._found = captures_by_day(entity, storage, source.subdomain)
        self._accepted: int | None = None
        self._key: str | None = _UNREAD

    def newest_of(self, day: date) -> datetime | None:
        """The timestamp of a day's newest capture."""
        found = self._found.get(day)
        return found[-1].captured_at if found else None

    def hash_key(self, note: CapturedPrivacy | None) -> dict[str, str | bool]:
        """Metadata of a read with hashing: the key's fingerprint, and whether the last capture has another one."""
        if note is None or not note.hashed:
            return {}
        if self._key is _UNREAD:
            found = (each for captures in self._found.values() for each in captures)
            self._key = key_of(self._entity, self._storage, found)
        return {"hash_key": str(note.key), "hash_key_changed": self._key not in (None, note.key)}

    def require_same(self, account: Account) -> None:
        """Raise `CapturesMixed` if the last capture is of another account. One header is read.

        Before the first capture of an entity, captures of other entities determine the account.
        """
        if account.id == self._accepted:
            return
        captures = [(self._entity, each) for found in self._found.values() for each in found] or self._of_others()
        for entity, last in sorted(captures, key=lambda each: each[1].captured_at, reverse=True):
            try:
                header = read_header(entity, self._storage, last.name)
            except CaptureDamaged:  # only its own day fails because of it
                continue
            if header.account_id != account.id:
                raise self._mixed(account, header, last.name)
            break
        self._accepted = account.id

    def _of_others(self) -> list[tuple[Entity, CaptureFound]]:
        subdomain = self._source.subdomain
        return [
            (entity, each)
            for entity in ENTITIES
            for found in captures_by_day(entity, self._storage, subdomain).values()
            for each in found
        ]

    def _mixed(self, account: Account, header: CaptureHeader, name: str) -> CapturesMixed:
        return CapturesMixed(
            f"Reading {self._entity.table.records} of {self._source.title}",
            cause=f"the account that responds has the id {account.id} ({account.subdomain}), and the last capture"
            f" of {self._source.subdomain}, {name}, is of the account {header.account_id}. Nothing was written.",
            fix="Correct `subdomain`, `base_url` or the authorisation of the source; or, if the captures are of"
            " the wrong account, move them out of the storage (docs/captures.md).",
            source=self._source.subdomain,
            account_id=account.id,
            captured_account_id=header.account_id,
        )


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
