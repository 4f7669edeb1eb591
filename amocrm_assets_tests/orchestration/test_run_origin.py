"""The code location of a run that a command starts: that of earlier runs, or one made of its name."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from amocrm_assets.orchestration import run_origin
from amocrm_assets.orchestration.run_origin import belong_to_job


@pytest.mark.parametrize("known", [None, "the origin of an earlier run"])
def test_a_run_has_the_origin_of_the_newest_run_that_has_one(known: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_origin, "code_location", lambda: "theirs")
    runs = [SimpleNamespace(remote_job_origin=origin) for origin in (None, known, known and "an older one")]
    instance: Any = SimpleNamespace(
        get_runs=lambda wanted, limit: runs[:limit] if wanted.job_name == "acme_leads" else [],
        create_run_for_job=lambda **given: given,
    )
    belong_to_job(instance, "acme_leads")
    given = instance.create_run_for_job(tags={"a": "b"})
    assert given["tags"] == {"a": "b"}
    origin = given["remote_job_origin"]
    if known:
        assert origin == known
    else:
        assert origin.job_name == "acme_leads"
        assert origin.repository_origin.repository_name == "__repository__"
        assert origin.repository_origin.code_location_origin.location_name == "theirs"
