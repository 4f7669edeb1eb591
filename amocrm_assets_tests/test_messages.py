"""Every message that asks a person to do something names the source and where: a command, a variable, a file."""

from __future__ import annotations

import ast
import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

import amocrm_assets
from amocrm_assets import errors
from amocrm_assets.crm.authorisation.status import authorisation_status
from amocrm_assets.crm.authorisation.token_endpoint import TokenEndpoint
from amocrm_assets.crm.authorisation.token_errors import refusal
from amocrm_assets.crm.http.client import AmoCrmClient
from amocrm_assets.crm.http.connectivity import probe_connection, require_private, resolve_host
from amocrm_assets.crm.http.error_context import ErrorContext
from amocrm_assets.errors import ActionRequired, AmoCrmAssetsError, NotAuthorised
from amocrm_assets.settings import Deployment, secret
from amocrm_assets_tests.accounts import FixedToken
from amocrm_assets_tests.accounts import source as long_lived
from amocrm_assets_tests.crm.authorisation.sources import ENVIRONMENT, OAUTH
from amocrm_assets_tests.crm.authorisation.sources import source as with_oauth
from amocrm_assets_tests.crm.http.answering import answering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# A command, setting or asset in backticks, an environment variable, a settings file, a page of the docs.
PLACE = re.compile(r"`[^`]+`|\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b|defs\.yaml|docs/\w+\.md|\bTMPDIR\b")
# What is in braces of a text and names such a place when the program runs.
NAMES_A_PLACE = re.compile(
    r"variable|VARIABLE|SETTING|KEY|\bfile\b|\.file\b|_env\b|before|after|asset|setting|check|_DOCS|renewal|run\b|folder"
)
KINDS = {
    name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, ActionRequired)
}


def fixes() -> Iterator[tuple[str, str]]:
    """Each fix that is written where an error is raised: its place in the code, and its text."""
    root = Path(amocrm_assets.__file__).parent
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
                for keyword in node.keywords:
                    # A text that comes from elsewhere is written there, in a table or by another error.
                    if keyword.arg == "fix" and isinstance(keyword.value, ast.Constant | ast.JoinedStr):
                        yield f"{path.relative_to(root)}:{node.lineno}", ast.unparse(keyword.value)


@pytest.mark.slow
def test_every_fix_in_the_code_names_a_place() -> None:
    found = dict(fixes())
    assert len(found) > 30
    bare = {where: text for where, text in found.items() if not names_a_place(text)}
    assert not bare, json.dumps(bare, indent=1)


def names_a_place(text: str) -> bool:
    """Whether the text of a program's string does."""
    return bool(PLACE.search(text) or any(NAMES_A_PLACE.search(each) for each in re.findall(r"\{([^}]*)\}", text)))


@pytest.mark.slow
def test_no_advice_names_a_command_of_a_source_without_the_source() -> None:
    """What the settings' own pages and the keys of metadata say is about no source."""
    bare = re.compile(r"`amocrm-assets (?:check|connect|disconnect|fields|forget|probe|run)`")
    root, found = Path(amocrm_assets.__file__).parent, []
    for path in sorted(root.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        spoken = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
        found += [
            f"{path.relative_to(root)}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in spoken
            if bare.search(node.value)
        ]
    assert {place.partition(":")[0] for place in found} == {
        "orchestration/metadata_keys.py",
        "settings/source.py",
    }


def test_what_this_test_searches_for_is_found_and_missed() -> None:
    assert names_a_place("Run `amocrm-assets connect acme`.")
    assert names_a_place("Set AMOCRM_TOKEN.")
    assert not names_a_place("Materialise a day first.")
    assert not names_a_place("Check base_url.")


def refused(call: Callable[[], object]) -> AmoCrmAssetsError:
    with pytest.raises(AmoCrmAssetsError) as caught:
        call()
    return caught.value


def assert_names(error: AmoCrmAssetsError, subdomain: str) -> None:
    """The message names the source and a place, and programs find the source in its facts."""
    assert subdomain in str(error)
    assert PLACE.search(error.fix), error.fix
    assert error.facts.get("source") == subdomain


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (301, b""),
        (401, b"{}"),
        (402, b"{}"),
        (403, b'{"detail": "no"}'),
        (403, b"<html>"),
        (404, b"{}"),
        (400, b"{}"),
        (200, b"[" * 100_000 + b"]" * 100_000),
    ],
)
@pytest.mark.parametrize("kind", ["oauth", "long-lived"])
def test_what_amocrm_refuses_names_the_source_and_what_to_change(kind: str, status: int, body: bytes) -> None:
    with answering({"/api/v4/leads": (status, body)}) as url:
        source = with_oauth(url) if kind == "oauth" else long_lived(base_url=url)
        with AmoCrmClient(url, FixedToken("secret"), source=source) as client:
            error = refused(lambda: client.request("/api/v4/leads", {}, lambda response: response.json()))

    assert_names(error, source.subdomain)
    if status == requests.codes.unauthorized:
        wanted = "`amocrm-assets connect acme`" if kind == "oauth" else "AMOCRM_SANDBOX_TOKEN"
        assert wanted in error.fix


def test_what_a_network_refuses_names_the_source_and_what_to_change(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with answering({"/": (200, b"")}) as url:
        wrong = with_oauth(url.replace("http:", "https:"))
        context = ErrorContext(wrong)
        for call in (
            lambda: probe_connection(wrong.url, context=context),
            lambda: TokenEndpoint(wrong, OAUTH).refresh("MARKED-refresh-1"),
            lambda: AmoCrmClient(wrong.url, FixedToken("x"), source=wrong).get("/x"),
            lambda: require_private("http://acme.amocrm.ru", context=context),
            lambda: resolve_host("https://no.such.host.invalid", context=context),
        ):
            assert_names(refused(call), "acme")


@pytest.mark.parametrize("grant_type", ["authorization_code", "refresh_token"])
@pytest.mark.parametrize(
    ("status", "hint"),
    [(400, hint) for hint in ("", "redirect", "this client", "to client", "client", "expired", "revoked", "else")]
    + [(status, "") for status in (301, 401, 402, 403, 404)],
)
def test_what_the_token_endpoint_refuses_names_the_source_and_what_to_change(
    grant_type: str, status: int, hint: str
) -> None:
    response = requests.Response()
    response.status_code = status
    response._content = json.dumps({"hint": hint}).encode()  # noqa: SLF001 - no answer was received
    if response.is_redirect or status == requests.codes.moved:
        response.headers["location"] = "https://elsewhere.example"
    assert_names(refusal(response, source=with_oauth(), oauth=OAUTH, grant_type=grant_type), "acme")


@pytest.mark.parametrize("quotes", ['"{}"', "'{}'", "“{}”", '{}"'])
@pytest.mark.parametrize("variable", ["ACME_ID", "ACME_SECRET", "ACME_TOKEN"])
def test_credentials_in_quotation_marks_are_refused_with_their_variable(variable: str, quotes: str) -> None:
    error = refused(lambda: secret(variable, {variable: quotes.format("MARKED-value")}))

    assert isinstance(error, NotAuthorised)
    assert f"Write {variable} without quotation marks" in error.fix
    assert "MARKED" not in str(error) + str(error.facts)
    assert secret(variable, {variable: "MARKED-value"}) == "MARKED-value"


@pytest.mark.parametrize("days", [-1, 0, 10])
def test_an_authorisation_that_ends_says_how_it_is_renewed(
    days: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AMOCRM_SANDBOX_TOKEN", _token(exp=int(time.time()) + days * 86400 + 600))
    status = authorisation_status(long_lived(), Deployment(tokens=str(tmp_path)))

    assert status.problem is not None
    assert "AMOCRM_SANDBOX_TOKEN" in status.problem
    assert days < 0 or "sandbox" in status.problem


def _token(**claims: Any) -> str:
    import base64

    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.x"
