"""Which messages are due, and to whom. Pure: what is there and what was told before in, messages and a ledger out.

A problem is told once for each day on which it is seen, to each address. An address that does not take a message
is tried again, less and less often, and does not keep the others from being told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from amocrm_assets.orchestration.alerts.problem import Message, problem_message, recovery_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from amocrm_assets.orchestration.alerts.problem import Problem

FORMAT = 1
FIRST_RETRY_SECONDS, MAX_RETRY_SECONDS = 60, 3600


class OpenProblem(msgspec.Struct):
    """A problem that is not over: its message, its last day, and for which day each address was told."""

    title: str
    body: str
    seen_on: str
    told: dict[str, str] = {}


class Refusal(msgspec.Struct):
    """An address that did not take its last message."""

    times: int
    retry_at: float


class Ledger(msgspec.Struct):
    """What alerts remember between two looks. Addresses are named by a hash: they hold passwords."""

    format: int = FORMAT
    seen_until: float = 0.0
    """Update time of the newest run that was looked at, Unix seconds."""
    state_seen_at: float = 0.0
    """When shards and authorisations were looked at last, Unix seconds."""
    open: dict[str, OpenProblem] = {}
    over: dict[str, OpenProblem] = {}
    """Problems that are over, and not yet told so to every address that was told of them."""
    refusals: dict[str, Refusal] = {}

    @classmethod
    def decode(cls, text: str | None) -> Ledger:
        """The ledger that `encode` wrote; a new one for None and for the format of another version."""
        if not text:
            return cls()
        try:
            ledger = msgspec.json.decode(text, type=cls)
        except msgspec.DecodeError:  # another version's: at worst a problem is told a second time
            return cls()
        return ledger if ledger.format == FORMAT else cls()

    def encode(self) -> str:
        """As text, for the sensor's cursor."""
        return msgspec.json.encode(self).decode()

    def note(self, problems: Iterable[Problem], *, over: Iterable[str], today: str, ui_url: str | None) -> None:
        """Keep what was found now: problems, and keys of those that are over."""
        for key in over:
            if ended := self.open.pop(key, None):
                self.over[key] = ended
        for problem in problems:
            message = problem_message(problem, ui_url=ui_url)
            known = self.open.get(problem.key) or self.over.pop(problem.key, None)
            told = known.told if known else {}
            self.open[problem.key] = OpenProblem(message.title, message.body, today, told)

    def send_due(self, send: Mapping[str, Callable[[Message], bool]], *, now: float) -> None:
        """Send what is due. `send` has a function for each address, which says whether the message was taken."""
        for address, deliver in send.items():
            for problem in self.open.values():
                if problem.told.get(address) == problem.seen_on:
                    continue
                if self._sent(address, deliver, Message(problem.title, problem.body), now):
                    problem.told[address] = problem.seen_on
            for problem in self.over.values():
                if address in problem.told and self._sent(address, deliver, recovery_message(problem.title), now):
                    del problem.told[address]
        # Whoever was not told of a problem, or has left the settings, is not told that it is over.
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
