"""One question of a probe. For the list of them see `questions` and `lists`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from amocrm_assets.crm.probe.samples import Samples
    from amocrm_assets.crm.probe.verdict import Verdict


class Question(NamedTuple):
    """`key` is its name in reports; `settle` gives the verdict or raises `NotSettled`."""

    key: str
    asked: str
    settle: Callable[[Samples], Verdict]
