"""What is told to whom, and how often: without Dagster and without a network."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from amocrm_assets.orchestration.alerts.ledger import MAX_RETRY_SECONDS, Ledger
from amocrm_assets.orchestration.alerts.problem import MAX_TEXT, Problem, problem_message

if TYPE_CHECKING:
    from amocrm_assets.orchestration.alerts.problem import Message

PROBLEM = Problem(
    key="acme/step/raw_leads",
    source="acme",
    what="raw_leads failed",
    cause="no answer.",
    fix="Wait.",
    days="2026-01-01 to 2026-01-03",
    path="/runs/1",
)


class Service:
    """Takes messages while it is up."""

    def __init__(self) -> None:
        self.is_up = True
        self.attempts = 0
        self.titles: list[str] = []

    def send(self, message: Message) -> bool:
        self.attempts += 1
        if self.is_up:
            self.titles.append(message.title)
        return self.is_up


def record(
    ledger: Ledger,
    *services: Service,
    problems: tuple[Problem, ...] = (),
    over: tuple[str, ...] = (),
    day: str = "2026-01-04",
    now: float = 0,
) -> Ledger:
    """One evaluation of the sensor; the ledger is encoded and decoded, as between two evaluations."""
    ledger.note(problems, over=over, today=day, ui_url="https://dagster.test")
    ledger.send_due({f"service {number}": service.send for number, service in enumerate(services)}, now=now)
    return Ledger.decode(ledger.encode())


def test_a_message_has_cause_fix_days_and_a_link() -> None:
    message = problem_message(PROBLEM, ui_url="https://dagster.test")
    assert message.title == "amoCRM acme: raw_leads failed"
    assert message.body.splitlines() == [
        "Cause: no answer.",
        "Fix: Wait.",
        "Days: 2026-01-01 to 2026-01-03",
        "Details: https://dagster.test/runs/1",
    ]


def test_a_message_is_short_whatever_the_cause() -> None:
    long = Problem(key="k", source="acme", what="w", cause="x" * 10_000, fix="y\n" * 10_000)
    assert len(problem_message(long, ui_url=None).body) < 2 * MAX_TEXT + 30
    for length, shown in ((MAX_TEXT, "x" * MAX_TEXT), (MAX_TEXT + 1, "x" * (MAX_TEXT - 2) + " …")):
        body = problem_message(replace(PROBLEM, cause="x" * length), ui_url=None).body
        assert body.splitlines()[0] == f"Cause: {shown}"


def test_a_problem_is_told_once_a_day_and_again_when_it_is_over() -> None:
    service, ledger = Service(), Ledger()
    for _ in range(5):
        ledger = record(ledger, service, problems=(PROBLEM,))
    assert service.titles == ["amoCRM acme: raw_leads failed"]

    ledger = record(ledger, service, problems=(PROBLEM,), day="2026-01-05")
    assert len(service.titles) == 2

    for _ in range(5):
        ledger = record(ledger, service, over=(PROBLEM.key,))
    assert service.titles[2:] == ["amoCRM acme: raw_leads failed: over"]
    assert not ledger.open
    assert not ledger.over


def test_another_cause_of_the_same_problem_is_told_on_the_same_day_and_each_once() -> None:
    ledger, service = Ledger(), Service()
    unpaid = replace(PROBLEM, cause="402, the account is not paid.")
    for cause in (
        "no answer.",
        "402, the account is not paid.",
        "no answer.",
        "429 after 63 s.",
        "429 after 71 s.",
    ):
        ledger = record(ledger, service, problems=(replace(PROBLEM, cause=cause),))
    assert len(service.titles) == 3
    ledger = record(ledger, service, problems=(unpaid,), day="2026-01-05")
    assert len(service.titles) == 4
    record(ledger, service, over=(PROBLEM.key,), day="2026-01-05")
    assert service.titles[4:] == ["amoCRM acme: raw_leads failed: over"]


def test_a_cursor_without_causes_tells_nothing_twice() -> None:
    ledger, service = record(Ledger(), other := Service(), problems=(PROBLEM,)), Service()
    ledger.open[PROBLEM.key].causes.clear()
    record(ledger, service, problems=(PROBLEM,))
    assert (len(other.titles), service.titles) == (1, [])


def test_what_was_never_a_problem_is_not_told_to_be_over() -> None:
    service = Service()
    record(Ledger(), service, over=("acme/step/leads",))
    assert service.attempts == 0


def test_a_service_that_is_down_is_told_later_and_does_not_keep_others_from_being_told() -> None:
    down, up, ledger = Service(), Service(), Ledger()
    down.is_up = False
    ledger = record(ledger, down, up, problems=(PROBLEM,))
    assert (down.titles, len(up.titles)) == ([], 1)

    down.is_up = True
    ledger = record(ledger, down, up, now=10)
    assert down.titles == []  # not before its time
    ledger = record(ledger, down, up, now=61)
    assert (len(down.titles), len(up.titles)) == (1, 1)


def test_a_service_that_stays_down_is_tried_less_and_less_often() -> None:
    down, ledger = Service(), Ledger()
    down.is_up = False
    for now in range(0, 24 * 3600, 30):
        ledger = record(ledger, down, problems=(PROBLEM,), now=now)
    assert down.attempts <= 7 + 24 * 3600 / MAX_RETRY_SECONDS


def test_a_problem_that_comes_back_before_it_was_told_to_be_over_is_open() -> None:
    service, ledger = Service(), Ledger()
    ledger = record(ledger, service, problems=(PROBLEM,))
    service.is_up = False
    ledger = record(ledger, service, over=(PROBLEM.key,))
    ledger = record(ledger, service, problems=(PROBLEM,))
    assert list(ledger.open) == [PROBLEM.key]
    assert not ledger.over


def test_the_ledger_of_another_version_is_a_new_one() -> None:
    assert Ledger.decode("{}").open == {}
    assert Ledger.decode('{"format": 2, "open": []}') == Ledger()
    assert Ledger.decode("no json") == Ledger()
    assert Ledger.decode(None) == Ledger()


def test_a_cause_of_yesterday_that_comes_back_is_told_again() -> None:
    service = Service()
    other = replace(PROBLEM, cause="no token.")
    ledger = record(Ledger(), service, problems=(PROBLEM,))
    for problem in (other, PROBLEM, other):
        ledger = record(ledger, service, problems=(problem,), day="2026-01-05")
    assert len(service.titles) == 3


def test_a_problem_behind_one_that_was_told_is_told_as_well() -> None:
    service = Service()
    ledger = record(Ledger(), service, problems=(PROBLEM,))
    record(ledger, service, problems=(replace(PROBLEM, key="acme/late", what="days are late"),))
    assert service.titles == ["amoCRM acme: raw_leads failed", "amoCRM acme: days are late"]


def test_the_wait_before_another_attempt_doubles_and_begins_anew_after_a_success() -> None:
    service = Service()
    service.is_up = False
    ledger = record(Ledger(), service, problems=(PROBLEM,))
    for now, attempts in ((59, 1), (60, 2), (179, 2), (180, 3)):
        ledger = record(ledger, service, now=now)
        assert service.attempts == attempts
    service.is_up = True
    ledger = record(ledger, service, now=1000)
    assert ledger.refusals == {}
    service.is_up = False
    for now, attempts in ((2000, 5), (2059, 5), (2060, 6)):
        ledger = record(ledger, service, problems=(PROBLEM,), day="2026-01-05", now=now)
        assert service.attempts == attempts
