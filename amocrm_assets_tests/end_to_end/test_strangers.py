"""Texts that strangers wrote, in the UI: an operator looks at everything, and the browser fetches none of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from amocrm_assets_tests.end_to_end import asking, strangers
from amocrm_assets_tests.end_to_end.browser import open_browser
from amocrm_assets_tests.end_to_end.launching import Launched, wait_for_all
from amocrm_assets_tests.end_to_end.pages import Pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from amocrm_assets_tests.end_to_end.deployment import Deployment

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("end_to_end"), pytest.mark.timeout(600)]
SOURCE = "strangers"
HOSTS = ("127.0.0.1", ".test", "mailto:")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, deployment: Deployment, launched: Launched) -> Iterator[Pages]:
    """The UI, once the days of the account have ended as they should."""
    wait_for_all(deployment, launched)
    assert asking.run_ended(deployment.dagster, launched.strangers_run) == "SUCCESS", deployment.dagster.log()
    assert asking.run_ended(deployment.dagster, launched.strangers_refused_run) == "FAILURE"
    with open_browser(tmp_path_factory.mktemp("browser")) as window:
        yield Pages(window, deployment.dagster.url)


# What is opened, and the texts of strangers that it shows.
LOOKS: dict[str, tuple[Callable[[Pages, Deployment, Launched], None], tuple[str, ...]]] = {
    "raw_leads": (
        lambda pages, _deployment, _launched: pages.asset(SOURCE, "raw_leads"),
        (strangers.ACCOUNT, strangers.ZONE, strangers.TITLE),
    ),
    "leads, with its preview": (
        lambda pages, _deployment, _launched: pages.asset(SOURCE, "leads"),
        (*strangers.NAMES, *strangers.VALUES, strangers.PROPERTY, strangers.TITLE),
    ),
    "amoCrmLeads": (
        lambda pages, _deployment, _launched: pages.asset(SOURCE, "amoCrmLeads"),
        (strangers.TITLE,),
    ),
    "a partition": (
        lambda pages, deployment, _launched: pages.partitions(SOURCE, "leads", deployment.yesterday),
        strangers.NAMES,
    ),
    "the check of the zone": (
        lambda pages, _deployment, _launched: pages.check(SOURCE, "raw_leads", "timezone"),
        (strangers.ZONE,),
    ),
    "the check of the fields": (
        lambda pages, _deployment, _launched: pages.check(SOURCE, "leads", "custom_fields_exist"),
        (strangers.CHOSEN_AND_MISSING, strangers.FIELD),
    ),
    "the check of oddities": (
        lambda pages, _deployment, _launched: pages.check(SOURCE, "leads", "no_oddities"),
        (),
    ),
    "a run": (
        lambda pages, _deployment, launched: pages.run(launched.strangers_run),
        (),
    ),
    "a run that failed": (
        lambda pages, _deployment, launched: pages.run(launched.strangers_refused_run),
        (strangers.DETAIL,),
    ),
    "the job": (
        lambda pages, _deployment, _launched: pages.job(SOURCE),
        (strangers.TITLE,),
    ),
    "the schedule": (
        lambda pages, _deployment, _launched: pages.schedule(f"{SOURCE}_daily"),
        (strangers.TITLE,),
    ),
}


@pytest.mark.parametrize("look", LOOKS)
def test_what_strangers_wrote_is_text_and_nothing_is_fetched(
    pages: Pages, deployment: Deployment, launched: Launched, look: str
) -> None:
    open_page, written = LOOKS[look]
    open_page(pages, deployment, launched)
    pages.wait_for(*(deployment.strangers.text(text) for text in written))
    ours = deployment.dagster.url
    # We link to the account and to the cards of its leads: by the source's address and by ids, by nothing written.
    account = re.compile(rf"{re.escape(deployment.strangers.url)}(/leads/detail/\d+)?")
    theirs = [each for each in pages.addresses() if not each.startswith(ours) and not account.fullmatch(each)]
    assert not [address for address in theirs if any(host in address for host in HOSTS)]
    assert deployment.strangers.hits == []


def test_markdown_that_is_not_escaped_would_be_fetched(pages: Pages, deployment: Deployment) -> None:
    """What the tests above would see: the server of the strangers is reachable, and its hits are kept."""
    pages.window.set_content(f"<img src='{deployment.strangers.url}/seen'>")
    asking.once(lambda: deployment.strangers.hits or None, what="the browser's request")
    assert deployment.strangers.hits == ["/seen"]
    deployment.strangers.hits.clear()
