"""The answer to one question about an account: a verdict, or the reason why there is none.

Values are counts, booleans, statuses and our own texts. Nothing that amoCRM sent may be part of them, so that
a report can be shared.
"""

from __future__ import annotations

from dataclasses import dataclass

# A query that amoCRM does not support, or refuses to this user.
QUESTION_REFUSED = frozenset({400, 403, 404, 422})

Value = bool | int | float | str | list[str] | None


@dataclass(frozen=True)
class Verdict:
    """`observed` is what was observed, `conclusion` what follows. A `value` of None is not settled."""

    value: Value
    observed: str
    conclusion: str


class NotSettled(Exception):
    """The account's data do not show it. The text is the reason, a text of our own."""


class Refused(NotSettled):
    """amoCRM refused the query: with a status, or with pages that cannot be parsed (200).

    `error` is the client's error. A `status` of None: no response in time.
    """

    def __init__(self, status: int | None, error: Exception) -> None:
        how = {None: "did not respond in time", 200: "sent pages whose end cannot be known"}
        super().__init__(f"amoCRM {how.get(status, f'answered {status}')}")
        self.status = status
        self.error = error

    def verdict(self, conclusion: str) -> Verdict:
        """What follows if the query itself is refused; raises the refusal if it has another reason."""
        if self.status not in QUESTION_REFUSED:
            raise self
        return Verdict(f"refused ({self.status})", str(self), conclusion)
