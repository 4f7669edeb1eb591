"""From amoCRM into captures: all reference lists of an account, in one capture.

For reading a list see `crm.pagination.whole_lists`, for the tables `rows.reference`. A list that fails has no
records in the capture; the others are stored.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from amocrm_assets.captures import (
    CapturedFinding,
    CapturedList,
    CaptureHeader,
    CaptureWriter,
    all_captures,
    read_header,
)
from amocrm_assets.captures.forgotten import read_forgotten
from amocrm_assets.captures.privacy import ListLines, note_of, privacy_of
from amocrm_assets.crm.account import account_of
from amocrm_assets.crm.connecting import require_account
from amocrm_assets.crm.http.account_lock import account_lock
from amocrm_assets.crm.pagination.pages import number_of
from amocrm_assets.crm.pagination.whole_lists import read_whole_list, read_whole_lists
from amocrm_assets.entities.reference import ACCOUNT, LISTS, REFERENCE
from amocrm_assets.errors import CapturesMixed
from amocrm_assets.json_bytes import only_numbers
from amocrm_assets.reading_rules import require_own

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.captures import PublishedCapture
    from amocrm_assets.crm.account import Account
    from amocrm_assets.crm.http.client import AmoCrmClient
    from amocrm_assets.crm.pagination.whole_lists import ListRead
    from amocrm_assets.privacy.forgotten import ForgottenList
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage

LOCK_WAIT_SECONDS = 30.0


@dataclass(frozen=True)
class CapturedReference:
    """A stored read of the reference lists, and its request statistics."""

    capture: PublishedCapture
    lists: tuple[CapturedList, ...]
    requests: int
    seconds: float


def capture_reference(
    source: SourceSettings,
    *,
    client: AmoCrmClient,
    storage: Storage,
    lock_wait_seconds: float = LOCK_WAIT_SECONDS,
    run_id: str | None = None,
) -> CapturedReference:
    """Read all reference lists and publish one capture of them.

    Raises `Busy` while another run reads the account, `NotAuthorised` and `CapturesMixed` for another account than
    the source's, and any error that affects more than single lists.
    """
    rules = privacy_of(source)
    lines = ListLines(source, rules)
    with account_lock(
        source.subdomain, limiter=client.rate_limiter, storage=storage, wait_seconds=lock_wait_seconds
    ):
        storage.remove_stale(REFERENCE.captures_folder(source.subdomain))
        earlier = all_captures(REFERENCE, storage, source.subdomain)
        forgotten = read_forgotten(storage, source.subdomain)
        last = read_header(REFERENCE, storage, earlier[-1].name) if earlier else None
        started_at, requests = datetime.now(UTC), client.stats.requests
        account_list = read_whole_list(client, ACCOUNT)
        account = _account(account_list)
        require_account(source, account)
        _require_same(source, account, last)
        others = _others(source, client, account, last)
        read = [without_forgotten(each, forgotten) for each in (account_list, *others)]
        header = replace(_header(source, account, read, started_at, run_id), privacy=note_of(rules))
        writer = CaptureWriter(REFERENCE, storage, header, after=earlier[-1].captured_at if earlier else None)
        try:
            for each in read:
                writer.add(lines.written(each.record_list.name, line) for line in each.lines)
            capture = writer.publish()
        finally:
            writer.discard()
        seconds = (datetime.now(UTC) - started_at).total_seconds()
    return CapturedReference(capture, header.lists or (), client.stats.requests - requests, seconds)


def _account(read: ListRead) -> Account:
    return account_of(json.loads(read.lines[0]))


def _account_id(line: bytes) -> int | None:
    """The account of a record, in those lists whose records contain it."""
    return number_of(json.loads(only_numbers(line, ["account_id"])).get("account_id"))


def without_forgotten(read: ListRead, forgotten: ForgottenList | None) -> ListRead:
    """A list without forgotten people."""
    if not forgotten:
        return read
    kept = (forgotten.kept(read.record_list.name, line) for line in read.lines)
    return replace(read, lines=tuple(line for line in kept if line is not None))


def _others(
    source: SourceSettings, client: AmoCrmClient, account: Account, last: CaptureHeader | None
) -> list[ListRead]:
    user = f"user {account.current_user_id}" if account.current_user_id else "the user"
    others = list(
        read_whole_lists(
            client,
            [each for each in LISTS if each is not ACCOUNT],
            user=f"{user}, who authorised the source",
            # A list that could not be read completely may have records.
            records_before={
                each.name: each.records if each.is_complete else max(each.records, 1)
                for each in (last.lists or () if last else ())
            },
        )
    )
    for each in others:
        require_own(source, account, each.record_list.title, map(_account_id, each.lines))
    return sorted(others, key=lambda each: LISTS.index(each.record_list))


def _header(
    source: SourceSettings,
    account: Account,
    read: Sequence[ListRead],
    started_at: datetime,
    run_id: str | None,
) -> CaptureHeader:
    at = int(started_at.timestamp())
    return CaptureHeader(
        subdomain=source.subdomain,
        day=started_at.date(),
        from_at=at,
        to_at=at,
        timezone=source.timezone,
        captured_at=started_at,
        account_id=account.id,
        run_id=run_id,
        fields=[],
        lists=tuple(_captured_list(each) for each in read),
    )


def _captured_list(read: ListRead) -> CapturedList:
    return CapturedList(
        name=read.record_list.name,
        records=len(read.lines),
        is_complete=read.is_complete,
        outcome=read.outcome,
        findings=tuple(
            CapturedFinding(kind=each.kind, may_miss=each.may_miss, cause=each.cause, fix=each.fix)
            for each in read.findings
        ),
    )


def _require_same(source: SourceSettings, account: Account, last: CaptureHeader | None) -> None:
    """Raise `CapturesMixed` if earlier captures are of another account."""
    if last is not None and last.account_id != account.id:
        raise CapturesMixed(
            f"Reading the reference lists of {source.title}",
            cause=f"amoCRM responds as account {account.id}, and earlier captures are of account"
            f" {last.account_id}.",
            fix="Correct `base_url` or the authorisation; if the account was replaced on purpose, move"
            f" {REFERENCE.captures_folder(source.subdomain)} out of the storage (docs/captures.md).",
            source=source.subdomain,
            account_id=account.id,
        )
