"""What a probe answers of the lists besides leads, in an account that behaves as documented."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from amocrm_assets.crm.probe import ProbeReport
    from amocrm_assets.crm.probe.verdict import Value

Switches = dict[str, Any]
MOVING = ("contacts", "companies", "calls")
ALL = {f"import_{name}": True for name in ("contacts", "companies", "tasks", "calls", "events")}
DOCUMENTED: Switches = {
    **{f"page_size_{name}": 250 for name in ("contacts", "companies", "tasks", "calls")},
    "page_size_events": 100,
    **{
        f"{key}_{name}": True
        for name in ("contacts", "companies", "tasks", "calls", "events")
        for key in ("filters", "from_inclusive", "to_inclusive")
    },
    **{f"order_{name}": "honoured" for name in ("contacts", "companies", "calls")},
    "order_tasks": "ignored",
    "order_events": "newest first",
    "id_order_tasks": True,
    "types_calls": True,
    "types_events": True,
    "unnamed_types_events": "complete",
    "only_deleted_contacts": "known",
    "only_deleted_companies": "known",
}


def of_all(key: str, *names: str, value: Value = False) -> Switches:
    """The same answer for some lists, or for all."""
    return {f"{key}_{name}": value for name in names or ("contacts", "companies", "tasks", "calls", "events")}


def check(report: ProbeReport, expected: Switches) -> None:
    """Compare all answers but those that sixty requests did not reach, which are about bounds alone."""
    unreached = {answer.question for answer in report.answers if "as many requests as" in answer.observed}
    assert all("_inclusive_" in each for each in unreached)
    assert unreached.isdisjoint({"from_inclusive_contacts", "to_inclusive_contacts"})
    expected = {name: value for name, value in expected.items() if value is not ... and name not in unreached}
    assert {name: report.value(name) for name in expected} == expected
