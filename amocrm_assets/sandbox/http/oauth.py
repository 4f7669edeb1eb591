"""The consent page and the token endpoint. For issuing and checking tokens see `tokens`."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from amocrm_assets.sandbox.http.api import world_of
from amocrm_assets.sandbox.http.responses import problem
from amocrm_assets.sandbox.http.tokens import Refused

if TYPE_CHECKING:
    from starlette.requests import Request

    from amocrm_assets.sandbox.http.tokens import Pair
    from amocrm_assets.sandbox.options import SandboxOptions


def routes() -> list[Route]:
    """Outside `/api/v4`, as on amoCRM."""
    return [
        Route("/oauth", _consent),
        Route("/oauth2/access_token", _access_token, methods=["POST"]),
        Route("/oauth2/account/current/subdomain", _subdomain),
    ]


async def _consent(request: Request) -> Response:
    """Show the consent page, or consent at once, and redirect to the integration with a code."""
    sandbox = world_of(request)
    params = request.query_params
    if params.get("client_id") != sandbox.options.client_id:
        return problem(400, "Интеграция не найдена")
    if sandbox.options.asks_consent and "answer" not in params:
        return HTMLResponse(_consent_page(dict(params)))
    redirected = {"state": params.get("state", ""), "client_id": sandbox.options.client_id}
    if params.get("answer") == "no":
        redirected["error"] = "access_denied"
    else:
        redirected |= {"code": sandbox.tokens.code(), "referer": request.url.netloc}
    return RedirectResponse(f"{sandbox.options.redirect_uri}?{urlencode(redirected)}", status_code=302)


def _consent_page(params: dict[str, str]) -> str:
    def button(answer: str, text: str) -> str:
        return f'<a href="/oauth?{escape(urlencode(params | {"answer": answer}))}">{text}</a>'

    return (
        '<!doctype html><html lang="ru"><title>Песочница</title><h1>Разрешить интеграции доступ?</h1>'
        f"<p>{button('yes', 'Разрешить')} {button('no', 'Отклонить')}</p></html>"
    )


async def _access_token(request: Request) -> Response:
    sandbox = world_of(request)
    try:
        body = json.loads(await request.body())
    except ValueError:
        return _refusal("The request body is not JSON", 401)
    if sandbox.options.renamed_to:
        return problem(404, "Аккаунт не найден")
    if hint := _wrong_integration(body, sandbox.options):
        return _refusal(hint, 400)
    try:
        if body.get("grant_type") == "authorization_code":
            pair = sandbox.tokens.exchange_code(str(body.get("code")), host=request.url.netloc)
        elif body.get("grant_type") == "refresh_token":
            pair = sandbox.tokens.exchange_refresh_token(str(body.get("refresh_token")), host=request.url.netloc)
        else:
            return _refusal("The authorization grant type is not supported", 400)
    except Refused as refused:
        return _refusal(refused.hint, refused.status)
    return JSONResponse(_issued(pair, sandbox.clock.seconds()))


def _wrong_integration(body: Any, options: SandboxOptions) -> str | None:
    if not isinstance(body, dict):
        return "The request body is not an object"
    if body.get("client_id") != options.client_id or body.get("client_secret") != options.client_secret:
        return "Client authentication failed"
    if body.get("redirect_uri") != options.redirect_uri:
        return "redirect_uri does not match the one of the integration"
    return None


def _issued(pair: Pair, now: int) -> dict[str, Any]:
    return {
        "token_type": "Bearer",
        "expires_in": pair.expires_in,
        "server_time": now,
        "access_token": pair.access_token,
        "refresh_token": pair.refresh_token,
    }


def _refusal(hint: str, status: int) -> Response:
    kind = "https://developers.amocrm.ru/v3/errors/OAuthProblemJson"
    detail = "Некорректный запрос. Проверьте переданные параметры"
    return problem(status, detail, title="Ошибка авторизации", type=kind, hint=hint)


async def _subdomain(request: Request) -> Response:
    """The account's current name, for clients with a refresh token from before the rename."""
    sandbox = world_of(request)
    if not sandbox.tokens.has_issued(request.headers.get("x-refresh-token", "")):
        return problem(401, "Неверный токен")
    subdomain = sandbox.options.renamed_to or sandbox.options.subdomain
    return JSONResponse(
        {
            "id": sandbox.options.account_id,
            "subdomain": subdomain,
            "domain": f"{subdomain}.amocrm.ru",
            "top_level_domain": "ru",
        }
    )
