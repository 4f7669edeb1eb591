"""Under which key, group and schedule a broken source is shown. For whole files see `test_broken`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from amocrm_assets.orchestration.broken import broken_definitions, broken_problem
from amocrm_assets.settings import SourceSettings
from amocrm_assets.settings.documents import Problem
from amocrm_assets.settings.source_files import BrokenSource

DEFAULT = str(SourceSettings.model_fields["timezone"].default)


def broken(attributes: dict[str, Any], *problems: str) -> BrokenSource:
    found = tuple(Problem(Path("defs.yaml"), 3, each) for each in problems or ("`start_date`: no day",))
    return BrokenSource("wrong", "wrong", found, attributes)


@pytest.mark.parametrize(
    ("translation", "problem", "path", "group"),
    [
        (None, "`start_date`: no day", "wrong", "wrong"),
        ("no mapping", "`start_date`: no day", "wrong", "wrong"),
        ({"key_prefix": "a", "group_name": "g"}, "`start_date`: no day", "a/wrong", "g"),
        ({"key_prefix": ["a", "b"]}, "`start_date`: no day", "a/b/wrong", "wrong"),
        ({"key_prefix": ["a", "b"], "group_name": "g"}, "`translation.key_prefix`: no text", "wrong", "wrong"),
        ({"key_prefix": ["{{ name }}"], "group_name": "g"}, "`start_date`: no day", "wrong", "wrong"),
        ({"key_prefix": ["a"], "group_name": "{{ name }}"}, "`start_date`: no day", "wrong", "wrong"),
    ],
)
def test_a_broken_source_is_where_it_would_be_if_that_can_be_known(
    translation: Any, problem: str, path: str, group: str
) -> None:
    source = broken({"translation": translation}, problem)
    assert broken_problem(source).path == f"/assets/{path}/broken_settings"
    (spec,) = broken_definitions(source).resolve_all_asset_specs()
    assert (list(spec.key.path), spec.group_name) == ([*path.split("/"), "broken_settings"], group)


@pytest.mark.parametrize(
    ("attributes", "problem", "timezone", "cron"),
    [
        (
            {"timezone": "Asia/Tokyo", "schedule": {"hour": 4, "minute": 5}},
            "`start_date`",
            "Asia/Tokyo",
            "5 4 * * *",
        ),
        ({"timezone": "Asia/Tokyo"}, "`timezone`: unknown", DEFAULT, None),
        ({"timezone": 7}, "`start_date`", DEFAULT, None),
        ({"schedule": {"hour": "soon"}}, "`schedule.hour`", DEFAULT, None),
    ],
)
def test_a_broken_source_fails_at_the_hour_of_its_schedule(
    attributes: dict[str, Any], problem: str, timezone: str, cron: str | None
) -> None:
    """Where its hour or zone are wrong themselves, those of a source without settings count."""
    (schedule,) = broken_definitions(broken(attributes, problem)).schedules or ()
    (default,) = broken_definitions(broken({})).schedules or ()
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert isinstance(default, dg.ScheduleDefinition)
    assert (schedule.execution_timezone, schedule.cron_schedule) == (timezone, cron or default.cron_schedule)
