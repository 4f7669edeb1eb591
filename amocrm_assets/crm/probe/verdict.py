"""What comes of one question to an account: a verdict, or the reason why there is none.

Values are counts, booleans, statuses and words of ours. Nothing that amoCRM sent may become part of them, so that
a report can be given to others.
"""

from __future__ import annotations

from dataclasses import dataclass

# A question that amoCRM does not know, or does not answer to this user.
QUESTION_REFUSED = frozenset({400, 403, 404, 422})

Value = bool | int | float | str | list[str] | None


@dataclass(frozen=True)
class Verdict:
    """`observed` is what came back, `conclusion` what follows. A `value` of None is not settled."""

    value: Value
    observed: str
    conclusion: str


class NotSettled(Exception):
    """The account's data cannot tell. The text is the reason, in words of ours."""


class Refused(NotSettled):
    """amoCRM did not answer the question: by a status, or with pages that cannot be understood (200).

    `error` is what the client made of it. A `status` of None: no response came in time.
    """

    def __init__(self, status: int | None, error: Exception) -> None:
        how = {None: "did not answer in time", 200: "sent pages whose end cannot be known"}
        super().__init__(f"amoCRM {how.get(status, f'answered {status}')}")
        self.status = status
        self.error = error

    def verdict(self, conclusion: str) -> Verdict:
        """What follows from a refusal of the question itself; raises the refusal where it is another one."""
        if self.status not in QUESTION_REFUSED:
            raise self
        return Verdict(f"refused ({self.status})", str(self), conclusion)
