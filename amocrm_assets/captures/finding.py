"""Lists captures: of a day, of an account, and those that overlap a day in the current time zone.

Seconds of a day may be in captures of adjacent days that were read in another time zone, before the source's
`timezone` was corrected. No records are read here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from amocrm_assets.captures.files import KEPT_SUFFIX, STAMP, SUFFIX, read_first_line
from amocrm_assets.days import day_window, neighbours
from amocrm_assets.errors import ActionRequired, CaptureDamaged, CapturesMixed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from amocrm_assets.captures.header import CaptureHeader
    from amocrm_assets.days import Window
    from amocrm_assets.entities import Captured, Entity
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage

    CapturesByDay = Mapping[date, Sequence["CaptureFound"]]

_NAME = re.compile(
    r"captures/[^/]+/[^/]+/(?P<day>[0-9-]{10})/(?P<stamp>[0-9]{8}T[0-9]{6}\.[0-9]{6}Z)\.(jsonl|rows)\.gz"
)
# Cached headers: a capture never changes.
_MAX_HEADERS = 50_000
_headers: dict[str, CaptureHeader] = {}


@dataclass(frozen=True)
class CaptureFound:
    """A capture in the storage, by its name only. `captured_at` orders the captures of a day by age."""

    name: str
    captured_at: datetime

    @property
    def is_replacement(self) -> bool:
        """Whether it replaces older captures that were removed. It sorts after the newest of them."""
        return self.name.endswith(KEPT_SUFFIX)


def kept_name(newest: CaptureFound) -> str:
    """The name of the file that replaces removed captures, the newest of which is this one."""
    return newest.name.removesuffix(SUFFIX).removesuffix(KEPT_SUFFIX) + KEPT_SUFFIX


def captures_of_day(entity: Captured, storage: Storage, subdomain: str, day: date) -> list[CaptureFound]:
    """The captures of a day, the oldest first."""
    return [found for _, found in _captures_below(storage, entity.captures_folder(subdomain, day))]


def capture_names(entity: Captured, storage: Storage, subdomain: str, day: date) -> list[str]:
    """Names of the captures of a day, the oldest first."""
    return [found.name for found in captures_of_day(entity, storage, subdomain, day)]


def days_with_capture(entity: Captured, storage: Storage, subdomain: str) -> list[date]:
    """Days that have a capture, in order."""
    return list(captures_by_day(entity, storage, subdomain))


def captures_by_day(entity: Captured, storage: Storage, subdomain: str) -> dict[date, list[CaptureFound]]:
    """The captures of each day that has one, the oldest first, from one listing; the days in order."""
    found: dict[date, list[CaptureFound]] = {}
    for day, capture in _captures_below(storage, entity.captures_folder(subdomain)):
        found.setdefault(day, []).append(capture)
    return found


def all_captures(entity: Captured, storage: Storage, subdomain: str) -> list[CaptureFound]:
    """The captures of an account for all days, ordered by age."""
    found = (capture for _, capture in _captures_below(storage, entity.captures_folder(subdomain)))
    return sorted(found, key=lambda each: (each.captured_at, each.name))


def _captures_below(storage: Storage, folder: str) -> Iterator[tuple[date, CaptureFound]]:
    """Captures by day and age. Files with other names are ignored."""
    for name in storage.names(folder):
        if match := _NAME.fullmatch(name):
            captured_at = datetime.strptime(match["stamp"], STAMP).replace(tzinfo=UTC)
            yield date.fromisoformat(match["day"]), CaptureFound(name, captured_at)


def read_header(entity: Captured, storage: Storage, name: str) -> CaptureHeader:
    """The header of a capture without its custom fields.

    It is read once per process; on `gs://` this downloads the file. Raises `CaptureDamaged`.
    """
    uri = storage.uri(name)
    if uri not in _headers:
        if len(_headers) >= _MAX_HEADERS:
            _headers.clear()
        _headers[uri] = replace(read_first_line(entity, storage, name), fields=[])
    return _headers[uri]


def whole_captures(
    entity: Entity, storage: Storage, source: SourceSettings, day: date, found: Iterable[CaptureFound]
) -> list[CaptureFound]:
    """The captures of a day that cover all of it in the source's current time zone."""
    window = day_window(day, source.zone)
    return [each for each in found if not window.missing_from([read_header(entity, storage, each.name).window])]


def newest_whole_capture(
    entity: Entity,
    storage: Storage,
    source: SourceSettings,
    day: date,
    found: Iterable[CaptureFound],
    *,
    runs: Collection[str] | None = None,
) -> CaptureFound | None:
    """The newest capture that makes another read of the day unnecessary; with `runs`, one of these runs.

    Every capture was made after the end of its day. One that was read in another time zone does not cover the
    day: the source's `timezone` may have changed. Captures are identified by run instead of time, because clocks
    differ.
    """
    whole = whole_captures(entity, storage, source, day, found)
    if runs is not None:
        whole = [each for each in whole if read_header(entity, storage, each.name).run_id in runs]
    return whole[-1] if whole else None


def days_read_otherwise(
    entity: Entity, storage: Storage, source: SourceSettings, days: Iterable[date], found: CapturesByDay
) -> list[date]:
    """Days whose captures were all read with other midnights than the source's current ones.

    This includes days with a damaged capture: materialising them reports the error.
    """

    def is_whole(day: date) -> bool:
        try:
            return bool(whole_captures(entity, storage, source, day, found[day]))
        except CaptureDamaged:
            return False

    return [day for day in days if found.get(day) and not is_whole(day)]


def captures_with_seconds_of(
    entity: Entity, storage: Storage, source: SourceSettings, day: date, *, others: CapturesByDay | None = None
) -> list[str]:
    """Names of the captures, the oldest first, that overlap a day; empty if the day was never read.

    `others` are the account's captures from an earlier listing, so that adjacent days are not listed again for
    every day. Raises `CapturesMixed`, and `ActionRequired` if no capture covers a part of the day.
    """
    window = day_window(day, source.zone)
    held: list[tuple[CaptureFound, CaptureHeader]] = []
    damaged: CaptureDamaged | None = None
    for each in neighbours(day):
        known = others is not None and each != day
        for found in (
            (others or {}).get(each, ()) if known else captures_of_day(entity, storage, source.subdomain, each)
        ):
            try:
                header = read_header(entity, storage, found.name)
            except CaptureDamaged as error:
                if each == day:
                    raise
                damaged = error
                continue
            if window.meets(header.window):
                held.append((found, header))
    held.sort(key=lambda pair: (pair[0].captured_at, pair[0].name))
    _require_one_account(entity, day, source, held)
    if held and (missing := window.missing_from(header.window for _, header in held)):
        # A damaged capture of an adjacent day fails that day; it fails this day only if it may contain the
        # missing part.
        raise damaged or _part_missing(entity, day, source, missing)
    return [found.name for found, _ in held]


def _require_one_account(
    entity: Entity, day: date, source: SourceSettings, held: Iterable[tuple[CaptureFound, CaptureHeader]]
) -> None:
    names: dict[int, list[str]] = {}
    for found, header in held:
        names.setdefault(header.account_id, []).append(found.name)
    if len(names) > 1:
        listed = "; ".join(f"account {account}: {', '.join(files)}" for account, files in names.items())
        raise CapturesMixed(
            f"Merging the captures of {source.subdomain} {day}",
            cause=f"they are of {len(names)} accounts of amoCRM. {listed}.",
            fix="Move the captures of the wrong account out of the storage and materialise"
            f" `{entity.raw_asset}` and `{entity.table.asset}` of the day again (docs/captures.md).",
            source=source.subdomain,
            day=day.isoformat(),
            accounts=", ".join(map(str, names)),
        )


def _part_missing(entity: Entity, day: date, source: SourceSettings, missing: Sequence[Window]) -> ActionRequired:
    parts = ", ".join(
        " to ".join(
            f"{datetime.fromtimestamp(at, source.zone):%Y-%m-%d %H:%M:%S}" for at in (part.from_at, part.to_at)
        )
        for part in missing
    )
    return ActionRequired(
        f"Merging the captures of {source.subdomain} {day}",
        cause=f"they were read in another time zone and lack {parts} ({source.timezone}).",
        fix=f"Materialise `{entity.raw_asset}` for that day first: it is read again in the source's `timezone`.",
        source=source.subdomain,
        day=day.isoformat(),
    )
