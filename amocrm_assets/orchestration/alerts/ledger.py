"""Which messages to send, and to whom. Pure: from problems and a ledger to messages and a new ledger.

A problem is sent to each address once for each day on which it is seen, and once for each other cause of that day.
If an address does not accept a message, sending is retried at growing intervals, without delaying the others.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from amocrm_assets.orchestration.alerts.problem import Message, problem_message, recovery_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from amocrm_assets.orchestration.alerts.problem import Problem

FORMAT = 1
# Numbers and ids of runs, which differ from run to run.
_NUMBERS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d+")
# Instead of the day for which an address received a problem: of that day, but with another cause.
_ANOTHER_CAUSE = ""
FIRST_RETRY_SECONDS, MAX_RETRY_SECONDS = 60, 3600


class OpenProblem(msgspec.Struct):
    """An open problem: its message, its last day, and the day for which each address received it.

    `causes` are those of that day, without their numbers and ids of runs.
    """

    title: str
    body: str
    seen_on: str
    told: dict[str, str] = {}
    causes: list[str] = []


class Refusal(msgspec.Struct):
    """An address that did not accept its last message."""

    times: int
    retry_at: float


class Ledger(msgspec.Struct):
    """The state between two evaluations. Addresses are identified by a hash, since they contain passwords."""

    format: int = FORMAT
    seen_until: float = 0.0
    """Update time of the newest evaluated run, Unix seconds."""
    state_seen_at: float = 0.0
    """When shards and authorisations were last checked, Unix seconds."""
    open: dict[str, OpenProblem] = {}
    over: dict[str, OpenProblem] = {}
    """Resolved problems for which some addresses have not received the message yet."""
    refusals: dict[str, Refusal] = {}

    @classmethod
    def decode(cls, text: str | None) -> Ledger:
        """The ledger from `encode`; a new one for None and for the format of another version."""
        if not text:
            return cls()
        try:
            ledger = msgspec.json.decode(text, type=cls)
        except msgspec.DecodeError:  # of another version: at worst a problem is sent a second time
            return cls()
        return ledger if ledger.format == FORMAT else cls()

    def encode(self) -> str:
        """As text, for the sensor's cursor."""
        return msgspec.json.encode(self).decode()

    def note(self, problems: Iterable[Problem], *, over: Iterable[str], today: str, ui_url: str | None) -> None:
        """Add the current problems, and the keys of resolved ones."""
        for key in over:
            if ended := self.open.pop(key, None):
                self.over[key] = ended
        for problem in problems:
            message = problem_message(problem, ui_url=ui_url)
            known = self.open.get(problem.key) or self.over.pop(problem.key, None)
            told, causes = (known.told, known.causes) if known else ({}, [])
            cause = _NUMBERS.sub("", problem.cause)
            if causes and cause not in causes:
                told = dict.fromkeys(told, _ANOTHER_CAUSE)
            if known is None or known.seen_on != today:
                causes = []
            causes = list(dict.fromkeys([*causes, cause]))
            self.open[problem.key] = OpenProblem(message.title, message.body, today, told, causes)

    def send_due(self, send: Mapping[str, Callable[[Message], bool]], *, now: float) -> None:
        """Send messages. `send` has a function for each address, which returns whether it was accepted."""
        for address, deliver in send.items():
            for problem in self.open.values():
                if problem.told.get(address) == problem.seen_on:
                    continue
                if self._sent(address, deliver, Message(problem.title, problem.body), now):
                    problem.told[address] = problem.seen_on
            for problem in self.over.values():
                if address in problem.told and self._sent(address, deliver, recovery_message(problem.title), now):
                    del problem.told[address]
        # An address that did not receive the problem, or was removed from the settings, gets no message that it
        # is resolved.
        self.over = {key: problem for key, problem in self.over.items() if send.keys() & problem.told.keys()}

    def _sent(self, address: str, deliver: Callable[[Message], bool], message: Message, now: float) -> bool:
        refusal = self.refusals.get(address)
        if refusal and now < refusal.retry_at:
            return False
        if deliver(message):
            self.refusals.pop(address, None)
            return True
        times = refusal.times + 1 if refusal else 1
        wait_seconds = min(FIRST_RETRY_SECONDS * 2 ** min(times - 1, 10), MAX_RETRY_SECONDS)
        self.refusals[address] = Refusal(times, now + wait_seconds)
        return False
