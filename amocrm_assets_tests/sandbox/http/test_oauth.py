"""Tokens of both kinds, from the consent to the end of access."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from amocrm_assets.sandbox import Fault, Sandbox, SandboxOptions, long_lived_token
from amocrm_assets_tests.sandbox.conftest import NOON, quiet

if TYPE_CHECKING:
    from amocrm_assets_tests.sandbox.conftest import Asking

DEFAULTS = SandboxOptions()
ASKED = {
    "client_id": DEFAULTS.client_id,
    "client_secret": DEFAULTS.client_secret,
    "redirect_uri": DEFAULTS.redirect_uri,
}


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return claims


def new_code(asking: Asking) -> str:
    response = asking.get("/oauth", params={"client_id": DEFAULTS.client_id, "state": "s"}, allow_redirects=False)
    return parse_qs(urlsplit(response.headers["location"]).query)["code"][0]


def exchange(asking: Asking, code: str, **more: str) -> requests.Response:
    return asking.post("/oauth2/access_token", ASKED | {"grant_type": "authorization_code", "code": code} | more)


def refresh(asking: Asking, token: str, **more: str) -> requests.Response:
    form = ASKED | {"grant_type": "refresh_token", "refresh_token": token} | more
    return asking.post("/oauth2/access_token", form)


def status_with(sandbox: Sandbox, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{sandbox.url}/api/v4/account", headers=headers, timeout=60).status_code


@pytest.fixture
def pair(asking: Asking) -> dict[str, Any]:
    pair: dict[str, Any] = exchange(asking, new_code(asking)).json()
    return pair


def test_the_long_lived_token_follows_from_the_options(sandbox: Sandbox) -> None:
    assert long_lived_token(quiet()) == sandbox.token
    assert long_lived_token(quiet(seed=2)) != sandbox.token
    claims = claims_of(sandbox.token)
    assert claims["account_id"] == DEFAULTS.account_id
    assert claims["exp"] == DEFAULTS.long_lived_until
    assert status_with(sandbox, sandbox.token) == 200


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer nonsense", "Bearer a.b.c", "Basic abc", "Bearer ж"])
def test_without_a_good_token_there_is_401_in_json(sandbox: Sandbox, header: str) -> None:
    headers = {"Authorization": header.encode()}
    response = requests.get(f"{sandbox.url}/api/v4/leads", headers=headers, timeout=60)
    assert (response.status_code, response.json()["status"]) == (401, 401)


def test_a_token_of_another_account_or_past_its_end_is_refused(sandbox: Sandbox) -> None:
    assert status_with(sandbox, long_lived_token(quiet(account_id=7))) == 401
    assert status_with(sandbox, long_lived_token(quiet(long_lived_until=NOON))) == 401


def test_consent_leads_back_with_code_state_and_the_account(asking: Asking, sandbox: Sandbox) -> None:
    response = asking.get(
        "/oauth", params={"client_id": DEFAULTS.client_id, "state": "a&b"}, allow_redirects=False
    )
    assert response.status_code == 302
    assert response.headers["location"].startswith(DEFAULTS.redirect_uri + "?")
    query = parse_qs(urlsplit(response.headers["location"]).query)
    assert query["state"] == ["a&b"]
    assert query["referer"] == [sandbox.url.removeprefix("http://")]


def test_a_person_may_be_asked_and_may_refuse(asking: Asking, sandbox: Sandbox) -> None:
    sandbox.configure(asks_consent=True)
    page = asking.get("/oauth", params={"client_id": DEFAULTS.client_id, "state": "s"})
    assert "answer=yes" in page.text
    refused = {"client_id": DEFAULTS.client_id, "state": "s", "answer": "no"}
    location = asking.get("/oauth", params=refused, allow_redirects=False).headers["location"]
    assert parse_qs(urlsplit(location).query)["error"] == ["access_denied"]
    assert asking.get("/oauth", params={"client_id": "other"}).status_code == 400


def test_a_code_becomes_a_pair_of_tokens(pair: dict[str, Any], sandbox: Sandbox) -> None:
    assert (pair["token_type"], pair["expires_in"], pair["server_time"]) == ("Bearer", 86_400, NOON)
    claims = claims_of(pair["access_token"])
    assert (claims["exp"], claims["account_id"]) == (NOON + 86_400, DEFAULTS.account_id)
    assert isinstance(claims["sub"], str)
    assert {"jti", "iat", "nbf", "aud", "base_domain", "api_domain", "scopes"} <= claims.keys()
    assert status_with(sandbox, pair["access_token"]) == 200
    assert status_with(sandbox, pair["refresh_token"]) == 401


def test_a_code_works_once_and_for_twenty_minutes(asking: Asking, sandbox: Sandbox) -> None:
    code, late = new_code(asking), new_code(asking)
    assert exchange(asking, code).status_code == 200
    used = exchange(asking, code)
    assert (used.status_code, used.json()["hint"]) == (400, "Authorization code has been revoked")
    sandbox.clock.advance(20 * 60)
    expired = exchange(asking, late)
    assert (expired.status_code, expired.json()["hint"]) == (400, "Authorization code has expired")
    garbage = exchange(asking, "garbage")
    assert (garbage.status_code, garbage.json()["hint"]) == (400, "Cannot decrypt the authorization code")
    assert garbage.json()["type"].endswith("OAuthProblemJson")


@pytest.mark.parametrize("wrong", ["client_id", "client_secret", "redirect_uri"])
def test_the_integration_is_compared_in_both_grants(asking: Asking, pair: dict[str, Any], wrong: str) -> None:
    assert exchange(asking, new_code(asking), **{wrong: "other"}).status_code == 400
    assert refresh(asking, pair["refresh_token"], **{wrong: "other"}).status_code == 400
    assert refresh(asking, pair["refresh_token"]).status_code == 200


def test_a_form_instead_of_json_is_refused(sandbox: Sandbox) -> None:
    response = requests.post(f"{sandbox.url}/oauth2/access_token", data=ASKED, timeout=60)
    assert response.status_code == 401


def test_a_refresh_token_works_once_and_for_three_months(
    asking: Asking, sandbox: Sandbox, pair: dict[str, Any]
) -> None:
    newer = refresh(asking, pair["refresh_token"]).json()
    assert newer["refresh_token"] != pair["refresh_token"]
    again = refresh(asking, pair["refresh_token"])
    assert (again.status_code, again.json()["hint"]) == (401, "Token has been revoked")
    sandbox.clock.advance(91 * 86_400)
    expired = refresh(asking, newer["refresh_token"])
    assert expired.status_code == 401
    assert "Refresh" in expired.json()["hint"]


def test_of_two_refreshes_at_once_one_wins(asking: Asking, pair: dict[str, Any]) -> None:
    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(lambda _: refresh(asking, pair["refresh_token"]).status_code, range(8)))
    assert sorted(responses) == [200] + [401] * 7


def test_access_ends_by_time_and_by_number_of_requests(sandbox: Sandbox, pair: dict[str, Any]) -> None:
    sandbox.configure(access_token_requests=2)
    assert [status_with(sandbox, pair["access_token"]) for _ in range(3)] == [200, 200, 401]
    assert status_with(sandbox, sandbox.token) == 200
    sandbox.configure(access_token_requests=None)
    sandbox.clock.advance(86_399)
    assert status_with(sandbox, pair["access_token"]) == 200
    sandbox.clock.advance(1)
    assert status_with(sandbox, pair["access_token"]) == 401


def test_a_refresh_whose_answer_is_lost_has_used_the_token_up(
    asking: Asking, sandbox: Sandbox, pair: dict[str, Any]
) -> None:
    sandbox.configure(faults=[Fault("lost", path="/oauth2/access_token", times=1)])
    with pytest.raises(requests.ConnectionError):
        refresh(asking, pair["refresh_token"])
    assert refresh(asking, pair["refresh_token"]).json()["hint"] == "Token has been revoked"


def test_revoking_access_ends_every_token_and_new_ones_work(
    asking: Asking, sandbox: Sandbox, pair: dict[str, Any]
) -> None:
    before, code = sandbox.token, new_code(asking)
    sandbox.tokens.revoke()
    assert {status_with(sandbox, token) for token in (before, pair["access_token"])} == {401}
    assert refresh(asking, pair["refresh_token"]).json()["hint"] == "Token has been revoked"
    assert exchange(asking, code).status_code == 400
    assert status_with(sandbox, sandbox.token) == 200
    assert status_with(sandbox, exchange(asking, new_code(asking)).json()["access_token"]) == 200


def test_tokens_outlive_a_restart_of_the_sandbox(asking: Asking, sandbox: Sandbox, pair: dict[str, Any]) -> None:
    sandbox.reset(quiet())
    assert status_with(sandbox, pair["access_token"]) == 200
    assert refresh(asking, pair["refresh_token"]).status_code == 200


def test_a_renamed_account_is_found_by_its_refresh_token(
    asking: Asking, sandbox: Sandbox, pair: dict[str, Any]
) -> None:
    sandbox.configure(renamed_to="new-name")
    assert status_with(sandbox, pair["access_token"]) == 401
    assert refresh(asking, pair["refresh_token"]).status_code == 404
    path = "/oauth2/account/current/subdomain"
    found = asking.get(path, headers={"X-Refresh-Token": pair["refresh_token"]})
    assert found.json()["subdomain"] == "new-name"
    assert asking.get(path, headers={"X-Refresh-Token": "other"}).status_code == 401
