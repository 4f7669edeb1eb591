"""The token endpoint: exchanges a code or a refresh token for a new pair.

A refresh token can be used once, so a request that amoCRM may have received is never repeated here. For the
meaning of error responses see `token_errors`.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import msgspec
import requests
import tenacity
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from amocrm_assets import cancellation
from amocrm_assets.crm.authorisation.token_errors import refusal
from amocrm_assets.crm.http.connectivity import require_private
from amocrm_assets.crm.http.error_context import ErrorContext
from amocrm_assets.crm.http.redaction import redact_error, remember
from amocrm_assets.crm.http.transport import connection_error, proxy_error, request_once
from amocrm_assets.errors import AmoCrmAssetsError, AmoCrmUnavailable, SettingsError
from amocrm_assets.settings import secret
from amocrm_assets.waiting import waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from amocrm_assets.settings import OAuthSettings, SourceSettings

TIMEOUT_SECONDS = (5, 25)
TRIES = 4
# Both are sent as headers, where other characters cause an error that contains them.
Token = Annotated[str, msgspec.Meta(pattern=r"\A[!-~]+\Z")]


class TokenResponse(msgspec.Struct, frozen=True, kw_only=True):
    """amoCRM's response to a code or a refresh token."""

    access_token: Token
    refresh_token: Token
    expires_in: Annotated[int, msgspec.Meta(gt=0)]

    def __repr__(self) -> str:
        return f"TokenResponse(expires_in={self.expires_in})"


class NotReceived(AmoCrmUnavailable):
    """amoCRM has certainly not processed the request, so a retry is safe."""


class ResponseLost(AmoCrmUnavailable):
    """amoCRM may have processed the request: its code or refresh token may be used up."""


@dataclass(frozen=True)
class TokenEndpoint:
    """The token endpoint of one source's account."""

    source: SourceSettings
    oauth: OAuthSettings
    sleep: Callable[[float], None] = field(default=cancellation.sleep, repr=False)

    def request_once(self, code: str) -> TokenResponse:
        """The first pair, for an authorisation code."""
        return self._request_tokens({"grant_type": "authorization_code", "code": code})

    def refresh(self, refresh_token: str) -> TokenResponse:
        """The next pair. Raises `ResponseLost` if it is unknown whether the refresh token is used up."""
        return self._request_tokens({"grant_type": "refresh_token", "refresh_token": refresh_token})

    def _request_tokens(self, grant: dict[str, str]) -> TokenResponse:
        require_private(self.source.url, context=ErrorContext(self.source))
        body = grant | {
            "client_id": secret(self.oauth.client_id_env),
            "client_secret": secret(self.oauth.client_secret_env),
            "redirect_uri": self.oauth.redirect_uri,
        }
        remember(body["client_secret"], *(grant[name] for name in ("code", "refresh_token") if name in grant))
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(NotReceived),
            stop=tenacity.stop_after_attempt(TRIES),
            wait=tenacity.wait_random_exponential(multiplier=1),
            sleep=self.sleep,
            reraise=True,
        )
        with waiting(f"tokens of {self.source.subdomain} from {self.source.url}"):
            return retrying(self._request_tokens_once, body)

    def _request_tokens_once(self, body: dict[str, str]) -> TokenResponse:
        response = self._post(body)
        if response.status_code == requests.codes.proxy_authentication_required:
            raise proxy_error(self._tried, self.source.url, status=response.status_code)
        if response.status_code == requests.codes.too_many_requests:
            raise self._not_received("too many requests (429).", status=response.status_code)
        if response.status_code >= requests.codes.server_error:
            raise self._answer_lost(f"it returned {response.status_code}.", status=response.status_code)
        if response.status_code >= requests.codes.multiple_choices:
            raise refusal(response, source=self.source, oauth=self.oauth, grant_type=body["grant_type"])
        try:
            return msgspec.json.decode(response.content, type=TokenResponse, strict=False)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._answer_lost(
                "its response is truncated, or is not a pair of tokens.", status=response.status_code
            ) from error

    def _post(self, body: dict[str, str]) -> requests.Response:
        try:
            return request_once(
                "POST",
                f"{self.source.url}/oauth2/access_token",
                json=body,
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,  # a redirect would send the secrets to another address
            )
        except requests.RequestException as error:
            error.request = None  # it contains the secrets that were sent
            redact_error(error)
            raise self._failed(error) from error

    def _failed(self, error: requests.RequestException) -> AmoCrmAssetsError:
        """The error for a failed exchange: an `ActionRequired`, a retry, or `ResponseLost`."""
        found = connection_error(error, self.source.url, operation=self._tried, context=ErrorContext(self.source))
        if isinstance(found, SettingsError):  # TLS or a proxy: nothing was sent, and a retry does not help
            return found
        return (self._not_received if _never_left(error) else self._answer_lost)(found.cause)

    def _not_received(self, cause: str, *, status: int | None = None) -> NotReceived:
        return NotReceived(
            self._tried,
            cause=cause,
            fix=f"Run again later. If that does not help: `amocrm-assets check {self.source.subdomain}`.",
            source=self.source.subdomain,
            status=status,
        )

    def _answer_lost(self, cause: str, *, status: int | None = None) -> ResponseLost:
        return ResponseLost(
            self._tried,
            cause=cause,
            fix="amoCRM may have made new tokens that never arrived. Run again; if it then refuses the old"
            f" ones, run `amocrm-assets connect {self.source.subdomain}`.",
            source=self.source.subdomain,
            status=status,
        )

    @property
    def _tried(self) -> str:
        return f"Asking {self.source.url} for tokens of {self.source.subdomain}"


def _never_left(error: requests.RequestException) -> bool:
    """Whether the connection failed before anything of the request could be sent."""
    # Not every ProxyError: urllib3 also raises it if a forwarding proxy closes the connection after the request.
    before_sending = (NewConnectionError, ConnectTimeoutError, ssl.SSLCertVerificationError)
    return any(isinstance(cause, before_sending) for cause in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and the errors it wraps; `requests` and `urllib3` store them in `args` and `reason`."""
    yield error
    for inner in (*error.args, getattr(error, "reason", None)):
        if isinstance(inner, BaseException):
            yield from _causes(inner)
