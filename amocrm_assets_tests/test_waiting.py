"""Whoever waits says so: for what, until when, who holds it."""

from __future__ import annotations

import threading
import time
from queue import Queue

import pytest

from amocrm_assets.waiting import FIRST_SECONDS, Waits, listen, note, waiting

# Far more than a watcher needs on a busy machine; a test that is told ends at once.
PATIENTLY_SECONDS = 20.0


def test_a_long_wait_is_told_with_what_until_when_and_the_holder() -> None:
    waits, announced = Waits(first_seconds=0.05), Queue[str]()
    with waits.listen(announced.put), waits.waiting("the account", until=0.0, holder="pid 7 on box"):
        sentence = announced.get(timeout=PATIENTLY_SECONDS)
    assert sentence.startswith("Waiting for the account, 0 s so far, until 1970-01-01 00:00:00 UTC")
    assert sentence.endswith("held by pid 7 on box.")


def test_a_wait_that_goes_on_is_told_again() -> None:
    waits, announced = Waits(first_seconds=0.05, repeat_seconds=0.1), Queue[str]()
    with waits.listen(announced.put), waits.waiting("an answer"):
        for _ in range(3):
            announced.get(timeout=PATIENTLY_SECONDS)


def test_a_short_wait_is_not_told_and_leaves_no_thread() -> None:
    waits, announced = Waits(first_seconds=0.3), Queue[str]()
    before = set(threading.enumerate())
    with waits.listen(announced.put):
        for _ in range(50):
            with waits.waiting("an answer"):
                pass
        time.sleep(0.6)
    assert announced.empty()
    assert set(threading.enumerate()) <= before  # those of other tests may end meanwhile


def test_waits_side_by_side_for_the_same_thing_are_told_once_a_minute() -> None:
    waits, announced = Waits(first_seconds=0.05, repeat_seconds=60), Queue[str]()

    def wait() -> None:
        with waits.waiting("amoCRM's answer"):
            time.sleep(0.5)

    with waits.listen(announced.put), waits.waiting("the end"):
        threads = [threading.Thread(target=wait) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    sentences = [announced.get_nowait() for _ in range(announced.qsize())]
    assert sorted(sentence.partition(",")[0] for sentence in sentences) == [
        "Waiting for amoCRM's answer",
        "Waiting for the end",
    ]


def test_a_new_wait_for_the_same_thing_is_told_although_an_earlier_one_was() -> None:
    waits, announced = Waits(first_seconds=0.05), Queue[str]()
    with waits.listen(announced.put):
        for _ in range(2):
            with waits.waiting("a lock"):
                announced.get(timeout=PATIENTLY_SECONDS)


def test_a_new_wait_is_told_in_time_although_an_earlier_one_is_told_again_much_later() -> None:
    waits, announced = Waits(first_seconds=0.05, repeat_seconds=600), Queue[str]()
    with waits.listen(announced.put), waits.waiting("a lock"):
        announced.get(timeout=PATIENTLY_SECONDS)
        with waits.waiting("an answer"):
            assert announced.get(timeout=PATIENTLY_SECONDS).startswith("Waiting for an answer")


def test_of_waits_within_each_other_the_innermost_that_lasts_is_told() -> None:
    waits, announced = Waits(first_seconds=0.2, repeat_seconds=0.2), Queue[str]()
    with waits.listen(announced.put), waits.waiting("a lock"):
        time.sleep(0.05)
        with waits.waiting("the answer about the lock"):
            assert announced.get(timeout=PATIENTLY_SECONDS).startswith("Waiting for the answer about the lock")
        for _ in range(20):  # a look now and then is not what is being waited for
            time.sleep(0.02)
            with waits.waiting("a look"):
                pass
    sentences = [announced.get_nowait() for _ in range(announced.qsize())]
    assert sentences
    assert {sentence.partition(",")[0] for sentence in sentences} == {"Waiting for a lock"}


def test_of_those_who_listen_for_the_same_log_the_last_is_told() -> None:
    waits, run, step = Waits(first_seconds=0.05), Queue[str](), Queue[str]()
    with waits.listen(run.put, channel="run 1"), waits.waiting("a lock"):
        with waits.listen(step.put, channel="run 1"), waits.waiting("an answer"):
            step.get(timeout=PATIENTLY_SECONDS)
        assert run.empty()


def test_why_and_until_when_are_said_once_they_are_known() -> None:
    announced = Queue[str]()
    with Waits(first_seconds=0.2).waiting("an answer") as wait:
        note(until=0.0, why="the last try: 503")
        announced.put(str(wait))
        note(until=None)
        announced.put(str(wait))
    because = "Waiting for an answer, 0 s so far (the last try: 503)"
    assert announced.get() == f"{because}, until 1970-01-01 00:00:00 UTC at the latest."
    assert announced.get() == f"{because}."


def test_what_becomes_known_later_is_told_and_the_holder_is_asked_only_then() -> None:
    waits, announced = Waits(first_seconds=0.05), Queue[str]()
    polls = []

    def holder() -> str:
        polls.append(1)
        return "run 1"

    with waits.waiting("a lock", holder=holder):
        pass
    assert not polls
    with waits.listen(announced.put), waits.waiting("a lock") as wait:
        wait.holder = holder
        assert announced.get(timeout=PATIENTLY_SECONDS).endswith("held by run 1.")


def test_nobody_is_told_after_he_stopped_listening() -> None:
    waits, announced = Waits(first_seconds=0.05, repeat_seconds=0.05), Queue[str]()
    with waits.waiting("a lock"):
        with waits.listen(announced.put):
            announced.get(timeout=PATIENTLY_SECONDS)
        count = announced.qsize()
        time.sleep(0.3)
    assert announced.qsize() == count


@pytest.mark.slow
def test_the_process_tells_within_ten_seconds() -> None:
    announced = Queue[str]()
    began = time.monotonic()
    with listen(announced.put), waiting("something slow"):
        announced.get(timeout=PATIENTLY_SECONDS)
    assert FIRST_SECONDS - 0.5 < time.monotonic() - began < 10
