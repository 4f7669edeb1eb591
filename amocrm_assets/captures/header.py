"""The first line of a capture: who was read, which seconds, when, by which run, and the account's custom fields.

Written and understood here, with what makes a capture damaged. For the lines behind it see `files`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal, Protocol
from weakref import WeakValueDictionary

from amocrm_assets.days import Window
from amocrm_assets.errors import CaptureDamaged

if TYPE_CHECKING:
    from amocrm_assets.entities import Captured

FORMAT = 1
FORMAT_KEY = "amocrm_assets_capture"


@dataclass(frozen=True, kw_only=True)
class CapturedFinding:
    """Something about a list that a person should know; `may_miss`: records of it may be missing."""

    kind: str
    may_miss: bool
    cause: str
    fix: str


@dataclass(frozen=True, kw_only=True)
class ReadingFinding(CapturedFinding):
    """What the reading of a day could not prove of one of its lists."""

    record_list: str


class Found(Protocol):
    """A finding as a reading makes it, `crm.pagination.findings`."""

    @property
    def record_list(self) -> _Named: ...
    @property
    def kind(self) -> str: ...
    @property
    def may_miss(self) -> bool: ...
    @property
    def cause(self) -> str: ...
    @property
    def fix(self) -> str: ...


class _Named(Protocol):
    @property
    def name(self) -> str: ...


def reading_finding(found: Found) -> ReadingFinding:
    """A finding as captures keep it."""
    return ReadingFinding(
        record_list=found.record_list.name,
        kind=found.kind,
        may_miss=found.may_miss,
        cause=found.cause,
        fix=found.fix,
    )


@dataclass(frozen=True, kw_only=True)
class CapturedList:
    """One of several lists in a capture; its records follow those of the lists before.

    `is_complete`: what is not among the records is not in amoCRM. `outcome` is `failed` where the list could not
    be read although it may be, and `refused` where the authorisation's user may not see it.
    """

    name: str
    records: int
    is_complete: bool
    outcome: Literal["read", "refused", "failed"]
    findings: tuple[CapturedFinding, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CapturedPrivacy:
    """What was done with personal data before the records were written: names of fields that were dropped or
    hashed, and the fingerprint of the key that they were hashed with.
    """

    dropped: tuple[str, ...] = ()
    hashed: tuple[str, ...] = ()
    key: str | None = None


@dataclass(frozen=True, kw_only=True)
class StandsFor:
    """What a capture was made of that stands for older ones, which `keep_captures_days` has removed.

    `captures` is how many there were. Of the custom fields of their records the `chosen` were kept; None is all.
    """

    captures: int
    chosen: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class CaptureHeader:
    """What is known of a capture before its records: the first line of the file.

    `from_at` and `to_at` bound the window that was read, `fields` is the account's list of custom fields,
    `run_id` the run that read it (captures of earlier versions do not say). `lists` are there where a capture
    holds several lists; they were read whole, at one moment, which both bounds of the window are. `privacy` is
    there where something was dropped or hashed, `forgotten` counts the tombstones of records that were taken out.
    `stands_for` is there where the records are those that rows were made of, and the captures themselves are gone.
    `tells_findings`: the last line names what the reading could not prove, where there is something; captures of
    earlier versions do not say it.
    """

    subdomain: str
    day: date
    from_at: int
    to_at: int
    timezone: str
    captured_at: datetime
    account_id: int
    run_id: str | None = None
    fields: list[dict[str, Any]]
    lists: tuple[CapturedList, ...] | None = None
    privacy: CapturedPrivacy | None = None
    forgotten: int | None = None
    stands_for: StandsFor | None = None
    tells_findings: bool | None = None

    @property
    def window(self) -> Window:
        """The seconds that were read."""
        return Window(self.from_at, self.to_at)

    def __post_init__(self) -> None:
        """Refuse a time without zone: file names are written in UTC."""
        if self.captured_at.tzinfo is None:
            raise ValueError("captured_at needs a time zone")


def json_line(record: dict[str, Any]) -> bytes:
    """A record as one line of JSON."""
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def head_of(header: CaptureHeader) -> bytes:
    """The first line of a capture."""
    changed: dict[str, Any] = {"day": header.day.isoformat(), "captured_at": header.captured_at.isoformat()}
    if header.lists is not None:
        changed["lists"] = [asdict(each) for each in header.lists]
    if header.privacy is not None:
        changed["privacy"] = asdict(header.privacy)
    if header.stands_for is not None:
        changed["stands_for"] = asdict(header.stands_for)
    known = {key: value for key, value in vars(header).items() if value is not None}
    return json_line({FORMAT_KEY: FORMAT} | known | changed)


def header_from(entity: Captured, name: str, line: bytes) -> CaptureHeader:
    """What the first line of a capture says. Raises `CaptureDamaged`."""
    import msgspec

    try:
        head = _parts(line)
        capture_format = json.loads(head.pop(FORMAT_KEY))
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise damaged(name, "its first line does not say that it is a capture.") from error
    if capture_format != FORMAT:
        raise CaptureDamaged(
            f"Reading {name}",
            cause=f"it has format {capture_format!r}, and this version knows format {FORMAT}.",
            fix="Upgrade (`pip install --upgrade amocrm-assets`) to the version that wrote it, or a newer one.",
            capture=name,
        )
    try:
        fields = _decoded_fields(head.pop("fields", b"null"))
        known = {key: json.loads(fact) for key, fact in head.items()}
        # Converting a list copies it: one that is held already is put in afterwards.
        held = isinstance(fields, _FieldDefinitions)
        header = msgspec.convert(known | {"fields": [] if held else fields}, CaptureHeader)
        header = replace(header, fields=fields) if held else header
    except (msgspec.ValidationError, ValueError) as error:
        raise damaged(name, f"its first line is no capture header ({error}).") from error
    folder = entity.captures_folder(header.subdomain, header.day)
    if folder != name.rpartition("/")[0]:
        raise damaged(name, f"it was written for {folder}.")
    return header


def _parts(line: bytes) -> dict[str, bytes]:
    """The properties of a header, each still as JSON: its custom fields may be a megabyte that is known."""
    import msgspec

    try:
        return {key: bytes(fact) for key, fact in msgspec.json.decode(line, type=dict[str, msgspec.Raw]).items()}
    except msgspec.DecodeError:  # half an emoji in a field's name, which only the standard library reads
        return {key: json.dumps(fact).encode() for key, fact in json.loads(line).items()}


class _FieldDefinitions(list[dict[str, Any]]):
    """A list of custom fields that may be referred to weakly."""


# A day may have thousands of captures, each with custom fields of a megabyte: equal ones are held once.
_known_fields: WeakValueDictionary[bytes, _FieldDefinitions] = WeakValueDictionary()


def _decoded_fields(sent: bytes) -> Any:
    """The custom fields in a header's bytes; anything else is left to whoever checks the header."""
    key = sha256(sent).digest()
    if (held := _known_fields.get(key)) is not None:
        return held
    decoded = json.loads(sent)  # half an emoji in a name is read by the standard library only
    if type(decoded) is not list or not all(type(field) is dict for field in decoded):
        return decoded
    return _known_fields.setdefault(key, _FieldDefinitions(decoded))


def damaged(name: str, cause: str) -> CaptureDamaged:
    """The error that names a damaged capture and what to do."""
    return CaptureDamaged(
        f"Reading {name}",
        cause=cause,
        fix="Bring it back from a backup, or move it away and materialise its day again (docs/captures.md).",
        capture=name,
    )
