from __future__ import annotations

import json
import re
from datetime import date, timedelta

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amocrm_assets import errors
from amocrm_assets.errors import ActionRequired, AmoCrmAssetsError, InternalError, TransientError
from amocrm_assets.orchestration.failures import Retries, fail, in_words
from amocrm_assets.orchestration.run_listener import listening
from amocrm_assets_tests.orchestration.conftest import LAST, Pipeline, failure_of

LEAVES = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, AmoCrmAssetsError) and not kind.__subclasses__()
]
DAY = date(2026, 3, 1)


def error_of(kind: type[AmoCrmAssetsError]) -> AmoCrmAssetsError:
    return kind("Asking", cause="nothing came.", fix="Wait a little.", status=503, request_id=None)


@pytest.mark.parametrize("kind", [kind for kind in LEAVES if issubclass(kind, TransientError)])
def test_what_may_pass_is_tried_again_with_growing_waits(kind: type[AmoCrmAssetsError]) -> None:
    for retry_number in range(3):
        with pytest.raises(dg.RetryRequested) as caught:
            fail(error_of(kind), unfinished=[DAY], retries=Retries(), retry_number=retry_number)
        # The next attempt waits by itself: Dagster's own wait cannot be interrupted.
        assert caught.value.seconds_to_wait is None
        assert isinstance(caught.value.__cause__, dg.Failure)
    assert [Retries().wait_seconds(number) for number in range(3)] == [60, 120, 240]


def not_over(seconds_missing: int) -> errors.DayNotOver:
    return errors.DayNotOver("Reading", cause="it is too early.", fix="Wait.", seconds_missing=seconds_missing)


def test_a_day_that_is_over_before_the_last_retry_is_tried_again() -> None:
    with pytest.raises(dg.RetryRequested):
        fail(not_over(420), unfinished=[DAY], retries=Retries(), retry_number=0)
    with pytest.raises(dg.RetryRequested):
        fail(not_over(1), unfinished=[DAY], retries=Retries(), retry_number=3)


def test_a_day_that_is_over_only_after_the_last_retry_is_not_tried_again_and_says_so() -> None:
    for seconds_missing, retry_number in [(421, 0), (361, 1), (241, 2)]:
        error = not_over(seconds_missing)
        assert Retries().is_last(error, retry_number)
        with pytest.raises(dg.Failure) as caught:
            fail(error, unfinished=[DAY], retries=Retries(), retry_number=retry_number)
        assert caught.value.allow_retries is False
        assert "only after the last retry" in str(caught.value.metadata["retry"].value)


@pytest.mark.parametrize("kind", [kind for kind in LEAVES if issubclass(kind, ActionRequired | InternalError)])
def test_what_does_not_pass_by_itself_is_not_tried_again(kind: type[AmoCrmAssetsError]) -> None:
    error = error_of(kind)
    with pytest.raises(dg.Failure) as caught:
        fail(error, unfinished=[DAY], retries=Retries(), retry_number=0)
    assert caught.value.allow_retries is False
    assert caught.value.__cause__ is error


class Notes:
    """A listener that writes down the retries it is told."""

    def __init__(self) -> None:
        self.retries: list[tuple[str, float]] = []

    def on_days_done(self, asset: str, done: int, wanted: int) -> None:
        """No day is done here."""

    def on_retry(self, why: str, wait_seconds: float) -> None:
        self.retries.append((why, wait_seconds))


def test_each_new_try_is_told_with_its_cause_and_the_last_failure_is_not() -> None:
    notes = Notes()
    with listening(notes):
        for retry_number in range(3):
            with pytest.raises(dg.RetryRequested):
                fail(error_of(errors.Busy), unfinished=[], retries=Retries(count=2), retry_number=retry_number)
        with pytest.raises(dg.Failure):
            fail(error_of(errors.NotAuthorised), unfinished=[], retries=Retries(), retry_number=0)
    assert notes.retries == [
        ("Asking: nothing came. Wait a little.", 60.0),
        ("Asking: nothing came. Wait a little.", 120.0),
    ]


def test_a_failure_says_cause_fix_days_and_facts() -> None:
    with pytest.raises(dg.Failure) as caught:
        fail(error_of(errors.AccessDenied), unfinished=[DAY], retries=Retries(), retry_number=0)
    assert caught.value.description == "Asking: nothing came. Wait a little. Not finished: 2026-03-01."
    shown = {name: value.value for name, value in caught.value.metadata.items()}
    assert shown == {
        "status": 503,
        "operation": "Asking",
        "cause": "nothing came.",
        "fix": "Wait a little.",
        "error": "AccessDenied",
        "retry": "The cause must be fixed first, so Dagster does not retry.",
        "unfinished_days": "2026-03-01",
        "unfinished": 1,
    }


def test_the_last_try_is_known() -> None:
    retries = Retries(count=2)
    assert [retries.is_last(error_of(errors.Busy), number) for number in range(3)] == [False, False, True]
    assert retries.is_last(error_of(errors.NotAuthorised), 0)
    assert not Retries(count=1, first_wait_seconds=0).is_last(error_of(errors.Busy), 0)


def test_days_are_named_as_ranges() -> None:
    days = [date(2026, 1, 31), date(2026, 2, 1), date(2026, 2, 2), date(2026, 2, 4)]
    assert in_words(days) == "2026-01-31 to 2026-02-02, 2026-02-04"
    assert in_words([]) == ""


@given(st.sets(st.dates(date(2026, 1, 1), date(2026, 3, 1))))
def test_ranges_in_words_name_every_day_once(days: set[date]) -> None:
    named: list[date] = []
    for part in in_words(sorted(days)).split(", "):
        ends = [date.fromisoformat(end) for end in part.split(" to ") if end]
        if ends:
            named += [ends[0] + timedelta(days=n) for n in range((ends[-1] - ends[0]).days + 1)]
    assert named == sorted(days)


@pytest.mark.slow
def test_a_launch_that_names_no_day_says_how_to_name_one(pipeline: Pipeline) -> None:
    job = pipeline.definitions.resolve_job_def("acme_leads")
    ran = job.execute_in_process(instance=pipeline.instance, raise_on_error=False)
    failure = failure_of(ran)
    assert "names no day" in failure.description
    assert "dg launch --job acme_leads --partition 2026-01-31" in failure.description
    assert failure.metadata["fix"].value in failure.description
    tags = re.findall(r"--tags '(.*?)'", failure.description)
    with_a_day = {**json.loads(tags[0]), "dagster/partition": LAST}
    assert job.execute_in_process(instance=pipeline.instance, tags=with_a_day).success
