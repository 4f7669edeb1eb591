"""Settings give the same answers as Dagster itself for whatever they hand to it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import dagster as dg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amocrm_assets.orchestration.source import source_definitions
from amocrm_assets.settings import SUBDOMAIN, SourceSettings
from amocrm_assets.settings.attribute_checks import MAX_SUBDOMAIN_CHARACTERS
from amocrm_assets.settings.dagster_names import KIND_PREFIX, MAX_KINDS, check_owners, check_tags

if TYPE_CHECKING:
    from collections.abc import Callable

GOOD = {"subdomain": "acme", "start_date": "2026-01-01", "access_token_env": "A"}

_LABEL = st.text("aZ0._%+-@| \nй", max_size=8)
_OWNERS = st.one_of(
    st.text(max_size=12),
    st.builds("team:{}".format, st.text(max_size=5)),
    st.builds("ivan@shop.{}".format, st.text("aZ|", max_size=10)),
    st.builds("{}@{}.{}".format, _LABEL, _LABEL, st.text("comTECHйab|1\n", max_size=9)),
)
_PART = st.text("aZ0_.-/ \nй", max_size=6) | st.integers(60, 66).map("x".__mul__)
_TAGS = st.one_of(
    st.text(max_size=12),
    _PART,
    st.builds("{}/{}".format, _PART, _PART),
    st.builds((KIND_PREFIX + "{}").format, _PART),
)


def is_taken(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (ValueError, dg.DagsterInvalidDefinitionError):
        return False
    return True


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(owner=_OWNERS)
def test_an_owner_is_right_if_and_only_if_dagster_takes_it(owner: str) -> None:
    assert is_taken(lambda: check_owners([owner])) == is_taken(lambda: dg.AssetSpec("a", owners=[owner]))


@pytest.mark.parametrize("owner", ["ivan@shop.technology", "ivan@shop.рф", "team:", "a@b.c", "-a@b.com"])
def test_an_owner_that_dagster_refuses_is_refused(owner: str) -> None:
    assert not is_taken(lambda: dg.AssetSpec("a", owners=[owner]))
    assert not is_taken(lambda: SourceSettings.model_validate({**GOOD, "owners": [owner]}))


@settings(max_examples=500, deadline=None)
@given(name=_TAGS, value=_PART)
def test_a_tag_is_right_if_and_only_if_dagster_takes_it(name: str, value: str) -> None:
    assert is_taken(lambda: check_tags({name: value})) == is_taken(lambda: dg.AssetSpec("a", tags={name: value}))


@pytest.mark.parametrize("count", [MAX_KINDS, MAX_KINDS + 1])
def test_kinds_are_bounded_so_that_our_assets_have_room_for_their_own(count: int) -> None:
    tags = {f"{KIND_PREFIX}kind{number}": "" for number in range(count)}
    assert is_taken(lambda: check_tags(tags)) == (count == MAX_KINDS)
    source = SourceSettings.model_validate(GOOD).model_copy(update={"tags": tags})
    assert is_taken(lambda: source_definitions(source)) == (count == MAX_KINDS)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    subdomain=st.from_regex(re.compile(SUBDOMAIN.pattern, re.ASCII), fullmatch=True).filter(
        lambda name: len(name) <= MAX_SUBDOMAIN_CHARACTERS
    )
)
def test_the_names_of_every_subdomain_are_taken_by_dagster(subdomain: str) -> None:
    source = SourceSettings.model_validate(
        {**GOOD, "subdomain": subdomain, "owners": ["team:a"], "tags": {"a": "b"}}
    )
    repository = source_definitions(source).get_repository_def()
    assert repository.has_job(f"{source.key}_leads")
