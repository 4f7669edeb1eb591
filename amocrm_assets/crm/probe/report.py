"""The report of a probe: its answers, the initial assumptions for readings, and the stored format.

A report contains counts, booleans, statuses and our own texts only, so that it can be shared.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from amocrm_assets.crm.pagination import PAGE_LIMIT
from amocrm_assets.crm.pagination.traits import UNKNOWN, AccountTraits
from amocrm_assets.crm.probe.verdict import Value
from amocrm_assets.entities import LEADS

if TYPE_CHECKING:
    from amocrm_assets.entities import Entity

FORMAT = 1
FORMAT_KEY = "amocrm_assets_probe"
# An account that has got filters since would be read without them until it is probed again.
MAX_AGE = timedelta(days=30)


@dataclass(frozen=True)
class ProbeAnswer:
    """A question, what was observed, and what follows. A `value` of None is not settled; `observed` says why."""

    question: str
    asked: str
    observed: str
    value: Value
    conclusion: str


@dataclass(frozen=True)
class ProbeReport:
    """All answers of one probe. `requests` were sent, retries included."""

    probed_at: datetime
    requests: int
    answers: tuple[ProbeAnswer, ...]

    def value(self, question: str) -> Value:
        """The answer to a question; None where it is not settled."""
        return next((answer.value for answer in self.answers if answer.question == question), None)

    @property
    def settled(self) -> int:
        """How many questions have an answer."""
        return sum(answer.value is not None for answer in self.answers)

    @property
    def day(self) -> str:
        """The day of the probe, UTC."""
        return f"{self.probed_at.astimezone(UTC):%Y-%m-%d}"

    def is_recent(self, now: datetime) -> bool:
        """Whether it is recent enough for readings."""
        return abs(now - self.probed_at) <= MAX_AGE

    def traits(self, entity: Entity = LEADS) -> AccountTraits:
        """The initial assumptions for a reading of an entity, which verifies each of them."""
        if entity.live.kind == "appended":
            # Some servers have larger pages than documented; otherwise pages are smaller.
            larger = (self.value("events_limit"), self.value(f"page_size_{entity.name}"))
            return AccountTraits(max_limit=PAGE_LIMIT) if PAGE_LIMIT in larger else UNKNOWN
        if entity.name == LEADS.name:
            # One list may be filtered and the other not, and the assumption is about both.
            filters = self.value("filters_leads")
            filters = filters if filters is self.value("filters_deleted") else None
            return self._traits_from(filters, self.value("from_inclusive"), self.value("page_size"))
        usual, page_size = self.traits(), self.value(f"page_size_{entity.name}")
        own = self._traits_from(
            self.value(f"filters_{entity.name}"), self.value(f"from_inclusive_{entity.name}"), page_size
        )
        filters = usual.filters if own.filters is None else own.filters
        return AccountTraits(
            from_is_inclusive=usual.from_is_inclusive if own.from_is_inclusive is None else own.from_is_inclusive,
            # Its trash was not probed, so the answers about filters have to agree.
            filters=filters if not entity.deleted or filters is usual.filters else None,
            max_limit=usual.max_limit if page_size is None else own.max_limit,
        )

    def _traits_from(self, filters: Value, from_is_inclusive: Value, page_size: Value) -> AccountTraits:
        return AccountTraits(
            from_is_inclusive=from_is_inclusive if isinstance(from_is_inclusive, bool) else None,
            filters=filters if isinstance(filters, bool) else None,
            # The usual page size is restored at once; a smaller one is increased with care.
            max_limit=page_size if type(page_size) is int and 0 < page_size < PAGE_LIMIT else None,
        )

    def _word(self, question: str, yes: str, no: str) -> str:
        value = self.value(question)
        if isinstance(value, bool):
            return yes if value else no
        return "not settled" if value is None else str(value)

    def __str__(self) -> str:
        """One line: the day, and the most important answers."""
        words = (
            ("filters", "filters_leads", "honoured", "ignored"),
            ("[from]", "from_inclusive", "inclusive", "exclusive"),
            ("only_deleted", "only_deleted", "", ""),
            ("page size", "page_size", "", ""),
        )
        found = ", ".join(f"{name} {self._word(key, *both)}" for name, key, *both in words)
        at = f"{self.probed_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        return f"{at}: {found}; {self.settled} of {len(self.answers)} settled"


def to_json(report: ProbeReport) -> dict[str, Any]:
    """The report as it is stored and printed."""
    return {
        FORMAT_KEY: FORMAT,
        "probed_at": report.probed_at.isoformat(),
        "requests": report.requests,
        "answers": [asdict(answer) for answer in report.answers],
    }


@dataclass(frozen=True)
class ProbeState:
    """What is known about an account from its last probe: a report, the `problem` with it, or nothing."""

    subdomain: str
    report: ProbeReport | None = None
    problem: str | None = None

    @property
    def fix(self) -> str:
        """How to get a report that readings can use."""
        return f"run `amocrm-assets probe {self.subdomain}`"

    def is_unusable(self, now: datetime) -> bool:
        """Whether there is a report that readings do not use."""
        return self.problem is not None or (self.report is not None and not self.report.is_recent(now))

    def traits(self, now: datetime, entity: Entity = LEADS) -> AccountTraits:
        """The initial assumptions for a reading of an entity: none without a report, or with an old one."""
        return self.report.traits(entity) if self.report and self.report.is_recent(now) else UNKNOWN

    def line(self, now: datetime) -> str:
        """The day of the probe and its result, in one line."""
        if self.report is None:
            return f"{self.problem or 'not probed'}: {self.fix}"
        if self.report.is_recent(now):
            return str(self.report)
        return f"{self.report.day}, more than {MAX_AGE.days} days from now, not used: {self.fix}"


def from_bytes(subdomain: str, content: bytes) -> ProbeState:
    """The state for a stored report; one that is damaged or has another format is a problem, and not used."""
    import msgspec

    try:
        kept = json.loads(content)
        found = kept.pop(FORMAT_KEY)
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return ProbeState(subdomain, problem="the report of the last probe is damaged")
    if found != FORMAT:
        return ProbeState(
            subdomain, problem=f"the report has format {str(found)[:20]}, this version knows {FORMAT}"
        )
    try:
        report = msgspec.convert(kept, ProbeReport)
    except msgspec.ValidationError:
        return ProbeState(subdomain, problem="the report of the last probe is damaged")
    if report.probed_at.tzinfo is None:
        return ProbeState(subdomain, problem="the report of the last probe is damaged")
    return ProbeState(subdomain, report)


def to_bytes(report: ProbeReport) -> bytes:
    """The report as it is stored."""
    return json.dumps(to_json(report), indent=2).encode() + b"\n"


def now() -> datetime:
    """The present second, with its zone."""
    return datetime.now(UTC).replace(microsecond=0)
