"""What a reader does between its planner and its client: permits, responses that arrive together, and failures."""

from __future__ import annotations

from concurrent.futures import Future, wait
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self, cast

import pytest

from amocrm_assets.cancellation import CancelScope
from amocrm_assets.crm.http.api_session import MAX_CONNECTIONS
from amocrm_assets.crm.http.responses import ReadTimeout, RetryableError
from amocrm_assets.crm.pagination import Query, window_reader
from amocrm_assets.crm.pagination.failed_pages import MAX_FAILURES, NothingReturned
from amocrm_assets.crm.pagination.pages import NOTHING, Page
from amocrm_assets.crm.pagination.window_reader import WindowReader
from amocrm_assets.days import Window
from amocrm_assets.entities import LEADS
from amocrm_assets.errors import AccessDenied, AmoCrmUnavailable, ReadingUnproven, UnexpectedAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from amocrm_assets.crm.http.client import AmoCrmClient

WINDOW = Window(1_000, 1_599)
QUERY = Query(LEADS.live, "updated_at asc", 999, 1_600)
FULL = Page((), has_next=True)


class Strict(Future[Any]):
    """A result that is never waited for: that would take for ever."""

    def result(self, timeout: float | None = None) -> Any:
        assert self.done()
        return super().result(timeout)


class Plan:
    """A planner that has these queries at once, is done when each has its response, and logs its calls."""

    findings = open_intervals = ()

    def __init__(self, queries: Iterable[Query], *, is_done: bool = True) -> None:
        self._due = list(queries)
        self._open = len(self._due) + (not is_done)
        self.counts = {"slices": 1}
        self.calls: list[str] = []
        self.pages: list[Page] = []

    @property
    def done(self) -> bool:
        return not self._open

    def next_query(self) -> tuple[str, Query] | None:
        self.calls.append("next")
        return ("part", self._due.pop(0)) if self._due else None

    def parse(self, query: Query, response: Page) -> Page:
        assert query.record_list == LEADS.live
        return response

    def add_page(self, _: str, query: Query, page: Page) -> list[int]:
        self.calls.append("page")
        self.pages.append(page)
        self._open -= 1
        return [query.page]

    def add_failure(self, _: str, __: Query) -> None:
        self.calls.append("failure")
        self._open -= 1


class Client:
    """A client with a permit whenever none of `waits` is left; `respond` is given what it is asked."""

    def __init__(
        self, respond: Callable[..., Any] = lambda parse, **_: parse(FULL), waits: Iterable[float] = ()
    ) -> None:
        self._respond, self._waits = respond, list(waits)
        self.scope = CancelScope()
        self.rate_limiter = SimpleNamespace(time_until_next=lambda: self._waits[0] if self._waits else 0.0)
        self.paused: list[float] = []
        self.taken = self.released = 0

    def pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        assert self._waits, "nothing is waited for"
        assert self._waits.pop(0) == seconds

    def acquire(self) -> Any:
        assert not self._waits, "there is no permit"
        self.taken += 1
        return SimpleNamespace(release=self._release)

    def _release(self) -> None:
        self.released += 1

    def request(self, path: str, params: dict[str, Any], parse: Callable[[Page], Page], **how: Any) -> Any:
        assert (path, params["limit"]) == (LEADS.live.path, QUERY.limit)
        return self._respond(parse, **how)


class SameThread:
    """Stands for the pool: a call is over once it is submitted."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, call: Callable[..., Any], *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(call(*args))
        except Exception as error:  # noqa: BLE001  # `result` raises it
            future.set_exception(error)
        return future


def reader_of(plan: Plan, client: Client, patch: pytest.MonkeyPatch) -> WindowReader:
    patch.setattr(window_reader, "DaemonPool", SameThread)
    patch.setattr(window_reader, "Future", Strict)
    patch.setattr(window_reader, "ReadPlanner", lambda *_: plan)
    return WindowReader(cast("AmoCrmClient", client), WINDOW, [LEADS.live])


def read(plan: Plan, client: Client, patch: pytest.MonkeyPatch) -> list[list[int]]:
    return list(reader_of(plan, client, patch).batches())


def test_each_page_is_a_batch_and_counted_once_it_is_consumed(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    reader = reader_of(Plan([QUERY] * 3), client, monkeypatch)
    counts = [reader.progress.counts["pages"]]
    for batch in reader.batches():
        assert batch == [1]
        counts.append(reader.progress.counts["pages"])
    assert counts == [0, 1, 2, 3]
    assert (client.taken, client.released) == (3, 3)


def test_a_query_is_decided_only_when_there_is_a_permit(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(waits=[0.5, 0.25])
    assert len(read(Plan([QUERY]), client, monkeypatch)) == 1
    assert client.paused == [0.5, 0.25]


def test_as_many_requests_are_in_flight_as_there_are_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    in_flight = []
    timeouts = []

    def wait_for_all(pending: Collection[Future[Any]], timeout: float | None, return_when: str) -> Any:  # noqa: ARG001
        in_flight.append(len(pending))
        timeouts.append(timeout)
        return SimpleNamespace(done=set(pending))

    monkeypatch.setattr(window_reader, "wait", wait_for_all)
    client = Client()
    client.rate_limiter.time_until_next = lambda: 0.0 if client.taken < MAX_CONNECTIONS + 2 else 0.5
    assert len(read(Plan([QUERY] * (MAX_CONNECTIONS + 2)), client, monkeypatch)) == MAX_CONNECTIONS + 2
    assert in_flight == [MAX_CONNECTIONS, 2]
    # As long as there is a permit, only a response is waited for.
    assert timeouts == [None, 0.5]


def test_a_planner_without_a_query_that_waits_for_nothing_fails_the_reading(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ReadingUnproven, match="the planner has no query"):
        read(Plan([QUERY], is_done=False), Client(), monkeypatch)


def failing(*errors: Exception, then: Exception | None = None) -> Client:
    """A client whose request fails so often, each time asking whether to give up, and in the end altogether."""

    def respond(parse: Callable[[Page], Page], give_up: Callable[[Exception], bool], **_: object) -> Any:
        for error in errors:
            if give_up(error):
                break
        if then:
            raise then
        return parse(FULL)

    return Client(respond)


UNAVAILABLE = AmoCrmUnavailable("reading", cause="", fix="")


def test_responses_that_arrive_together_are_all_used_before_the_next_query(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = Plan([QUERY] * 2)
    assert not read(plan, failing(*[ReadTimeout("slow")] * MAX_FAILURES, then=UNAVAILABLE), monkeypatch)
    assert [call for call in plan.calls if call != "next"] == ["failure", "failure"]
    assert plan.calls[-2:] == ["failure", "failure"]


def test_a_page_that_did_not_fail_often_enough_fails_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan([QUERY])
    with pytest.raises(AmoCrmUnavailable):
        read(plan, failing(*[ReadTimeout("slow")] * (MAX_FAILURES - 1), then=UNAVAILABLE), monkeypatch)
    assert "failure" not in plan.calls


@pytest.mark.parametrize("accepted", [True, False])
def test_an_empty_witness_is_accepted_after_as_many_as_its_query_says(
    monkeypatch: pytest.MonkeyPatch, *, accepted: bool
) -> None:
    query = Query(LEADS.live, "updated_at desc", max_empty=2 if accepted else None)
    empty = [cast("Exception", NothingReturned(query))] * 2
    plan = Plan([query])
    if accepted:
        read(plan, failing(*empty, then=UNAVAILABLE), monkeypatch)
        assert plan.pages == [NOTHING]
    else:
        with pytest.raises(AmoCrmUnavailable):
            read(plan, failing(*empty, then=UNAVAILABLE), monkeypatch)


def test_an_empty_witness_is_a_failure_of_its_request(monkeypatch: pytest.MonkeyPatch) -> None:
    query = Query(LEADS.live, "updated_at desc", max_empty=2)
    with pytest.raises(RetryableError):
        read(Plan([query]), Client(lambda parse, **_: parse(NOTHING)), monkeypatch)


@pytest.mark.parametrize("error", [AccessDenied, UnexpectedAnswer])
def test_a_page_behind_the_first_one_that_does_not_exist_is_empty(
    monkeypatch: pytest.MonkeyPatch, error: type[AccessDenied | UnexpectedAnswer]
) -> None:
    plan = Plan([Query(LEADS.live, "id asc", page=2)])
    read(plan, failing(then=error("reading", cause="", fix="", status=404)), monkeypatch)
    assert plan.pages == [NOTHING]


def test_another_request_is_waited_for_unless_the_reading_fails_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_reader, "wait_for", lambda is_over: is_over(0.0))
    reader = reader_of(Plan([QUERY]), failing(then=UNAVAILABLE), monkeypatch)
    request = Strict()

    def answered(either: Collection[Future[Any]], *how: Any) -> Any:
        request.set_result("the account")
        return wait(either, *how)

    with monkeypatch.context() as patch:
        patch.setattr(window_reader, "wait", answered)
        assert reader.wait_beside(request) == "the account"
    assert reader.wait_beside(request) == "the account"
    with pytest.raises(AmoCrmUnavailable):
        list(reader.batches())
    with pytest.raises(AmoCrmUnavailable):
        reader.wait_beside(Strict())
    assert reader.wait_beside(request) == "the account"
