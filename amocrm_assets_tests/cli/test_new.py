"""Tests of `cli.new`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from amocrm_assets.settings import SourceSettings
from amocrm_assets_tests.settings.loading import load_sources

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets_tests.cli.conftest import Command


def test_a_source_is_written_that_loads_and_the_next_steps_are_told(run: Command, defs: Path) -> None:
    ran = run("new", "my-shop", "--token-env", "SHOP_TOKEN", "--start-date", "2026-02-01", "--timezone", "UTC")
    assert (ran.status, ran.err) == (0, "")
    (source,) = load_sources(defs)
    assert source == SourceSettings(
        subdomain="my-shop",
        display_name="my-shop",
        access_token_env="SHOP_TOKEN",
        start_date="2026-02-01",
        timezone="UTC",
    )
    assert ran.out.index("Put a long-lived token into SHOP_TOKEN") < ran.out.index("amocrm-assets check my-shop")


def test_an_address_gives_subdomain_and_base_url(run: Command, defs: Path) -> None:
    run("new", "https://my-shop.kommo.com/leads/")
    run("new", "other.amocrm.ru")
    assert [(source.subdomain, source.base_url) for source in load_sources(defs)] == [
        ("my-shop", "https://my-shop.kommo.com"),
        ("other", None),
    ]


def test_a_source_with_oauth_is_connected_next(run: Command, defs: Path) -> None:
    ran = run("new", "my-shop", "--oauth", "--client-id-env", "SHOP_ID", "--redirect-uri", "https://x.example/cb")
    oauth = load_sources(defs)[0].oauth
    assert oauth is not None
    assert (oauth.client_id_env, oauth.client_secret_env) == ("SHOP_ID", "AMOCRM_MY_SHOP_CLIENT_SECRET")
    assert oauth.redirect_uri == "https://x.example/cb"
    assert "amocrm-assets connect my-shop" in ran.out


def test_every_setting_is_explained_and_its_example_would_load(run: Command, defs: Path) -> None:
    run("new", "my-shop")
    text = (defs / "my-shop/defs.yaml").read_text(encoding="utf-8")
    for name, field in SourceSettings.model_fields.items():
        before, there, after = text.partition(f"  # {field.description}\n")
        assert there
        own, blank, others = after.partition("\n\n")
        attributes = yaml.safe_load(before + own.replace("  # ", "  ") + blank + others)["attributes"]
        if name == "oauth":
            del attributes["access_token_env"]
        if name == "store_only_chosen":
            attributes["leads_custom_fields"] = ["Город"]
        assert name in SourceSettings.model_validate(attributes).model_fields_set


def test_settings_that_are_there_are_never_touched(run: Command, defs: Path) -> None:
    run("new", "my-shop")
    before = (defs / "my-shop/defs.yaml").read_bytes()
    for account in ("my-shop", "my_shop", "MY-SHOP"):
        ran = run("new", account, "--display-name", "Another")
        assert ran.status == 2
    assert "my-shop is there already: edit " in run("new", "my-shop").err
    assert (defs / "my-shop/defs.yaml").read_bytes() == before
    assert len(list(defs.iterdir())) == 1


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--timezone", "Mars/Olympus", "'Mars/Olympus' is not a time zone"),
        ("--start-date", "tomorrow", "'tomorrow' is not a day"),
        ("--base-url", "my-shop.kommo.com/x", "is not an address of an account"),
        ("--token-env", "eyJ0eXAi.MARKED", "write the NAME of an environment variable"),
    ],
)
def test_a_wrong_setting_is_refused_before_anything_is_written(
    run: Command, defs: Path, option: str, value: str, message: str
) -> None:
    ran = run("new", "my-shop", option, value)
    assert ran.status == 2
    assert message in ran.err
    assert "Value error" not in ran.err
    assert "MARKED" not in ran.err
    assert list(defs.iterdir()) == []


def test_another_projects_folder_can_be_written_to(run: Command, tmp_path: Path) -> None:
    assert run("new", "my-shop", "--folder", str(tmp_path / "theirs")).status == 0
    assert load_sources(tmp_path / "theirs")[0].subdomain == "my-shop"


def test_a_file_that_holds_another_source_is_not_written_over(run: Command, defs: Path) -> None:
    assert run("new", "my-shop").status == 0
    (defs / "my-shop").rename(defs / "other")
    ran = run("new", "other")
    assert ran.status == 2
    assert f"{defs / 'other' / 'defs.yaml'} is there already" in ran.err.replace("\n", "")
