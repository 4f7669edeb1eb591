"""Where Dagster shows the runs of the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence


from amocrm_assets_tests.cli.own_runs import dagster_home, deployment, run, sandbox

__all__ = ["dagster_home", "deployment", "sandbox"]
pytestmark = pytest.mark.slow


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("home", ["dagster_home", "/no/such/folder"])
@pytest.mark.parametrize("command", [("run", "acme"), ("sources",)])
def test_a_dagster_home_that_dagster_would_not_take_is_explained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: tuple[str, ...], home: str
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", home)

    assert run(*command) == 1

    assert "export DAGSTER_HOME=$PWD/dagster_home" in capsys.readouterr().err


@pytest.mark.usefixtures("sandbox", "dagster_home")
def test_a_run_is_shown_where_its_job_is_and_never_started_again_by_the_daemon() -> None:
    assert run("run", "acme") == 0

    # The job's page asks for runs by this tag; the timeline takes those with an origin.
    (found,) = runs_at("amocrm_assets")
    assert found.remote_job_origin is not None
    assert found.tags["dagster/max_retries"] == "0"


@pytest.mark.usefixtures("sandbox", "dagster_home")
def test_a_run_is_shown_where_the_runs_that_dagster_launched_are() -> None:
    assert run("run", "acme") == 0
    (found,) = runs_at("amocrm_assets")
    with dg.DagsterInstance.get() as instance:
        instance.delete_run(found.run_id)
        moved = dg.serialize_value(found).replace(
            '"location_name": "amocrm_assets"', '"location_name": "elsewhere"'
        )
        instance.add_run(dg.deserialize_value(moved, dg.DagsterRun))

    assert run("run", "acme") == 0

    assert len(runs_at("elsewhere")) == 2


@pytest.mark.usefixtures("sandbox")
def test_a_run_that_the_ui_will_not_show_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("run", "acme") == 0

    output = capsys.readouterr().err
    assert "DAGSTER_HOME is not set" in output
    assert "`export DAGSTER_HOME=/" in output


@pytest.mark.usefixtures("sandbox", "dagster_home")
def test_a_run_that_the_ui_shows_says_nothing_of_its_history(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("run", "acme") == 0

    assert "DAGSTER_HOME" not in capsys.readouterr().err


def runs_at(code_location: str) -> Sequence[dg.DagsterRun]:
    """The runs of the job as its page in the UI asks for them."""
    label = {".dagster/repository": f"__repository__@{code_location}"}
    with dg.DagsterInstance.get() as instance:
        return instance.get_runs(dg.RunsFilter(job_name="acme_leads", tags=label))
