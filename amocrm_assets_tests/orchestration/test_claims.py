"""What the components of a project share while it is loaded. For whole projects see `test_guest_project`."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from amocrm_assets.orchestration import claims
from amocrm_assets.orchestration.claims import Load, load_of
from amocrm_assets.settings.alerts import VARIABLE
from amocrm_assets.settings.source_files import BrokenSource
from amocrm_assets_tests.accounts import source

ONE, OTHER = (Path("a/defs.yaml"), 1), (Path("b/defs.yaml"), 1)
BROKEN = BrokenSource("wrong", "wrong", (), {})


@pytest.fixture(autouse=True)
def _no_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "_loads", [])


def test_the_components_of_one_project_share_a_load_and_a_reloaded_one_begins_anew() -> None:
    one: Any = SimpleNamespace(component_tree=object())
    again: Any = SimpleNamespace(component_tree=object())
    first = load_of(one)
    assert load_of(one) is first
    second = load_of(again)
    assert second is not first
    assert load_of(again) is second
    assert second.tree is again.component_tree


def test_the_first_file_with_a_key_keeps_it_whatever_its_letters() -> None:
    load = Load(object())
    assert load.first_place("Acme", ONE) == ONE
    assert load.first_place("acme", OTHER) == ONE
    assert load.first_place("other", OTHER) == OTHER


@pytest.mark.parametrize(("addresses", "is_told"), [("json://x", True), ("", False)])
def test_one_sensor_of_a_project_knows_all_of_its_sources(
    monkeypatch: pytest.MonkeyPatch, addresses: str, *, is_told: bool
) -> None:
    """Those that are switched off are not among them, and one that is built again is there once."""
    monkeypatch.setenv(VARIABLE, addresses)
    load = Load(object())
    built: list[Any] = [(ONE, source()), (OTHER, BROKEN), ((Path("c"), 1), source(enabled=False)), (ONE, source())]
    found = [load.alerts(place, each) for place, each in built]
    assert [bool(each.sensors) for each in found] == [is_told, False, False, is_told]
    assert [each.enabled for each in load.sources] == [True] * is_told
    assert [each.source for each in load.wrong_settings] == ["wrong"] * is_told
