"""Reading the reference lists of an account that shares nothing with the sandbox: whole, or with what lacks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from amocrm_assets.captures import all_captures, open_capture, read_header
from amocrm_assets.capturing_reference import CapturedReference, capture_reference
from amocrm_assets.crm.http.client import AmoCrmClient
from amocrm_assets.crm.pagination.whole_lists import MAX_READ_AGAIN
from amocrm_assets.entities.reference import LISTS, REFERENCE
from amocrm_assets.errors import (
    AccountBlocked,
    AmoCrmUnavailable,
    CapturesMixed,
    NotAuthorised,
)
from amocrm_assets.storage import open_storage
from amocrm_assets_tests.accounts import FixedToken, FreeTime, source
from amocrm_assets_tests.standin import ReferenceLists, Semantics, StandIn, StandInAccount, running_standin
from amocrm_assets_tests.standin.account import USER_ID
from amocrm_assets_tests.standin.reference import user

MAX_REQUESTS_A_NIGHT = 12
AS_DOCUMENTED = Semantics()


class Account:
    """A stand-in with reference lists, and a storage for what is read."""

    def __init__(self, standin: StandIn, folder: Path) -> None:
        self.standin = standin
        self.storage = open_storage(str(folder))
        assert standin.reference is not None
        self.lists = standin.reference

    def read(self, **changes: Any) -> CapturedReference:
        """One reading; waiting takes no time."""
        time = FreeTime()
        given = {"subdomain": "standin", "base_url": self.standin.url, **changes}
        authorisation = FixedToken(self.standin.token)
        with AmoCrmClient(
            self.standin.url, authorisation, requests_per_second=1000, clock=time.clock, sleep=time.sleep
        ) as client:
            return capture_reference(source(**given), client=client, storage=self.storage, run_id="run")

    def kept(self) -> dict[str, list[dict[str, Any]]]:
        """The records of the newest capture, by list."""
        newest = all_captures(REFERENCE, self.storage, "standin")[-1]
        with open_capture(REFERENCE, self.storage, newest.name) as capture:
            lines = [json.loads(line) for line in capture.records]
        lists = capture.header.lists or ()
        found = {}
        for each in lists:
            found[each.name], lines = lines[: each.records], lines[each.records :]
        return found


@contextmanager
def account_in(folder: Path, semantics: Semantics = AS_DOCUMENTED, **changes: Any) -> Iterator[Account]:
    """An account with these lists."""
    standin = StandIn(StandInAccount([]), semantics, reference=ReferenceLists(**changes))
    with running_standin(standin):
        yield Account(standin, folder)


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    with account_in(tmp_path) as account:
        yield account


def outcomes(read: CapturedReference) -> dict[str, tuple[str, bool, tuple[str, ...]]]:
    """Of each list that is not simply complete: outcome, completeness, kinds of findings."""
    return {
        each.name: (each.outcome, each.is_complete, tuple(finding.kind for finding in each.findings))
        for each in read.lists
        if each.findings or not each.is_complete
    }


def test_all_lists_are_kept_as_they_were_sent_in_one_capture_and_few_requests(account: Account) -> None:
    read = account.read()

    assert [each.name for each in read.lists] == [each.name for each in LISTS]
    assert outcomes(read) == {}
    assert read.requests == len(account.standin.requests) <= MAX_REQUESTS_A_NIGHT
    kept = account.kept()
    assert kept["users"] == account.lists.users
    assert kept["pipelines"] == account.lists.pipelines
    assert kept["account"][0]["_embedded"]["users_groups"] == account.lists.groups
    (capture,) = all_captures(REFERENCE, account.storage, "standin")
    header = read_header(REFERENCE, account.storage, capture.name)
    assert (header.run_id, header.lists) == ("run", read.lists)


def test_a_list_of_many_pages_is_read_to_its_end(tmp_path: Path) -> None:
    users = [user(number, f"U{number}") for number in range(1, 124)]
    tags = [{"id": number, "name": f"t{number}", "color": None} for number in range(1, 101)]
    with account_in(tmp_path, users=users, leads_tags=tags, limit_max=50) as account:
        read = account.read()
        assert outcomes(read) == {}
        assert account.kept()["users"] == users
        # Two full pages of a list without a count: the empty page behind them is its proof, and a second pass with
        # the same tags shows that none has moved from one page to another.
        assert account.kept()["leads_tags"] == tags
        assert len(account.standin.asked("/api/v4/leads/tags")) == 2 * 3
        assert len(account.standin.asked("/api/v4/users")) == 3


def test_a_page_that_lost_its_next_is_no_end_where_amocrm_counts(tmp_path: Path) -> None:
    with account_in(tmp_path, totals={"users": 5}) as account:
        read = account.read()
    assert outcomes(read) == {"users": ("read", False, ("list_unproven",))}
    (users,) = [each for each in read.lists if each.name == "users"]
    assert "2 records, and amoCRM counts 5" in users.findings[0].cause
    assert users.findings[0].may_miss


@pytest.mark.parametrize("html", [False, True])
def test_a_list_that_is_refused_says_whose_right_is_missing_and_leaves_the_others(
    tmp_path: Path, *, html: bool
) -> None:
    refused = frozenset({"users"}) if html else frozenset[str]()
    with account_in(tmp_path, statuses={"users": 403}, html=refused) as account:
        read = account.read()
    assert outcomes(read) == {"users": ("refused", False, ("list_refused",))}
    (users,) = [each for each in read.lists if each.name == "users"]
    assert f"user {USER_ID}, who authorised the source" in users.findings[0].cause
    assert "an administrator" in users.findings[0].fix


def test_a_gateway_that_refuses_everything_ends_the_reading(tmp_path: Path) -> None:
    with account_in(tmp_path, statuses={"users": 403}, html=frozenset({"users"})) as account:
        about = account.standin.reply

        def blocked(path: str, params: dict[str, list[str]], token: str) -> Any:
            reply = about(path, params, token)
            if path == "/api/v4/users":
                account.standin.reply = lambda *_: reply  # type: ignore[method-assign]
            return reply

        account.standin.reply = blocked  # type: ignore[method-assign]
        with pytest.raises(AccountBlocked):
            account.read()
    assert all_captures(REFERENCE, account.storage, "standin") == []


def test_a_list_without_its_count_is_proven_by_its_pages_and_says_so(tmp_path: Path) -> None:
    with account_in(tmp_path, totals={"users": None, "pipelines": None}) as account:
        read = account.read()
    assert outcomes(read) == dict.fromkeys(("pipelines", "users"), ("read", True, ("total_missing",)))
    assert not any(finding.may_miss for each in read.lists for finding in each.findings)


def test_nobody_has_no_pipelines_so_204_is_asked_again_and_never_believed(tmp_path: Path) -> None:
    with account_in(tmp_path, empty_on={"pipelines": range(1, 1 + MAX_READ_AGAIN)}) as account:
        assert outcomes(account.read()) == {}
    with account_in(tmp_path, empty_on={"pipelines": range(1, 2 + MAX_READ_AGAIN)}) as account:
        assert outcomes(account.read()) == {"pipelines": ("read", False, ("list_empty",))}


@pytest.mark.parametrize("stages", [None, [], {}, [{"id": 142}], [{"id": 7}, "143"]])
def test_a_pipeline_without_its_last_two_stages_is_read_again_and_marks_none_as_deleted(
    account: Account, stages: Any
) -> None:
    account.lists.pipelines.append({"id": 5, "name": "Вторая", "_embedded": {"statuses": stages}})
    read = account.read()
    assert outcomes(read) == {"pipelines": ("read", False, ("parts_missing",))}
    assert account.lists.turns["pipelines"] == 2
    account.lists.pipelines[-1]["_embedded"]["statuses"] = [{"id": "142"}, {"id": 143.0}]
    assert outcomes(account.read()) == {}


def test_204_of_a_list_that_had_records_is_believed_the_fifth_time(account: Account) -> None:
    account.read()
    account.lists.empty_on["leads_tags"] = range(2, 2 + MAX_READ_AGAIN)
    assert outcomes(account.read()) == {}
    assert account.kept()["leads_tags"] == account.lists.leads_tags
    account.lists.empty_on["leads_tags"] = range(3 + MAX_READ_AGAIN, 4 + 2 * MAX_READ_AGAIN)
    before = len(account.standin.requests)
    assert outcomes(account.read()) == {}
    assert account.kept()["leads_tags"] == []
    # Between the first two, a record of another list was seen.
    paths = [each.path for each in account.standin.requests[before:]]
    again = ["/api/v4/leads/tags"] * MAX_READ_AGAIN
    assert paths[-2 - MAX_READ_AGAIN :] == ["/api/v4/companies/tags", "/api/v4/contacts/custom_fields", *again]
    # A list that was empty before is asked once.
    assert account.lists.turns["contacts_tags"] == 3


@pytest.mark.parametrize("length", [1, 5, 11, 30])
def test_lists_that_are_read_while_all_of_them_are_empty_are_complete_or_say_so(
    tmp_path: Path, length: int
) -> None:
    for begin in range(11, 21):
        switches = Semantics(lists_empty_on=tuple(range(begin, begin + length)))
        with account_in(tmp_path / str(begin), switches) as account:
            account.read()
            expected = account.kept()
            read = account.read()
        complete = {each.name for each in read.lists if each.is_complete}
        assert {name: account.kept()[name] for name in complete} == {name: expected[name] for name in complete}
        assert length == 30 or complete == expected.keys(), begin


def test_lists_that_are_all_empty_throughout_are_not_believed(account: Account) -> None:
    account.read()
    filled = {name for name, records in account.kept().items() if records} - {"account"}
    for name in filled:
        account.lists.empty_on[name] = tuple(range(2, 20))
    for _ in ("the next night", "the night after that"):
        found = outcomes(account.read())
        assert found == dict.fromkeys(filled, ("read", False, ("list_empty",)))


def test_pages_behind_one_with_a_next_one_are_not_lost_in_an_outage(tmp_path: Path) -> None:
    tags = [{"id": number, "name": f"t{number}", "color": None} for number in range(1, 101)]
    with account_in(tmp_path, leads_tags=tags, limit_max=50, empty_on={"leads_tags": (2,)}) as account:
        assert outcomes(account.read()) == {}
        assert account.kept()["leads_tags"] == tags
    even = {"leads_tags": range(2, 60, 2)}
    with account_in(tmp_path / "2", leads_tags=tags, limit_max=50, empty_on=even) as account:
        account.read()
        assert account.lists.turns["leads_tags"] == 2 * 2 * 2, "it is read again once, in two passes each time"


def test_a_list_that_fails_leaves_the_others(tmp_path: Path) -> None:
    with account_in(tmp_path, statuses={"loss_reasons": 504}) as account:
        read = account.read()
    assert outcomes(read) == {"loss_reasons": ("failed", False, ("list_failed",))}


def test_after_two_lists_without_answer_the_others_are_not_tried(tmp_path: Path) -> None:
    lists = [each.name for each in LISTS][1:]
    with account_in(tmp_path, statuses=dict.fromkeys(lists, 504)) as account:
        read = account.read()
    assert {name: found[0] for name, found in outcomes(read).items()} == dict.fromkeys(lists, "failed")
    assert set(account.lists.turns) == set(lists[:2])


def test_a_run_of_429_ends_the_reading(tmp_path: Path) -> None:
    with account_in(tmp_path, statuses={"users": 429}) as account, pytest.raises(AmoCrmUnavailable):
        account.read()
    assert all_captures(REFERENCE, account.storage, "standin") == []


def test_another_account_than_the_sources_is_refused(account: Account) -> None:
    with pytest.raises(NotAuthorised):
        account.read(subdomain="other", base_url="https://other.amocrm.ru")


def test_the_captures_of_two_accounts_are_never_mixed(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    account.read()
    monkeypatch.setattr("amocrm_assets_tests.standin.account.ACCOUNT_ID", 5)
    with pytest.raises(CapturesMixed):
        account.read()


def test_lists_of_another_account_are_refused(account: Account) -> None:
    account.lists.pipelines[0]["account_id"] = 5
    with pytest.raises(CapturesMixed, match="of the account 5"):
        account.read()
    assert all_captures(REFERENCE, account.storage, "standin") == []
