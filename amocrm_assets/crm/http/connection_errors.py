"""Translates connection errors: some are transient, others must be fixed manually.

Only this module inspects the exceptions of `requests`, `urllib3` and `ssl`. Retrying does not help against an
invalid certificate or a proxy that requires a password; it does help against a broken connection.
"""

from __future__ import annotations

import re
import socket
import ssl
from urllib.parse import urlsplit

import requests
from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import NameResolutionError, NewConnectionError, ProxyError

from amocrm_assets.crm.http.error_context import NO_CONTEXT, ErrorContext
from amocrm_assets.crm.http.exchange import BodyTooLarge, DeadlineExceeded
from amocrm_assets.errors import AmoCrmAssetsError, AmoCrmUnavailable, SettingsError, UnexpectedAnswer
from amocrm_assets.settings.network import ca_variable, proxy_variable

_TUNNEL_REFUSED = re.compile(r"Tunnel connection failed: (\d{3})")
_DOCS = "(docs/connecting.md, Networks)"


def connection_error(
    error: OSError, url: str, *, operation: str | None = None, context: ErrorContext = NO_CONTEXT
) -> AmoCrmAssetsError:
    """Our error for an exception of `requests` about an address; its class says whether a retry makes sense.

    `SettingsError`: an invalid certificate, a proxy that requires a password, refuses the address or does not
    exist, an invalid address. `UnexpectedAnswer`: a body over the limit. `AmoCrmUnavailable`: everything else.
    `operation` defaults to connecting to the address; `context` is the source's. The error does not contain the
    request.
    """
    operation = operation or f"Connecting to {url}"
    found = _as_our_error(error, url, operation, context)
    if context.subdomain:
        found.facts["source"] = context.subdomain
    return found


def _as_our_error(error: OSError, url: str, operation: str, context: ErrorContext) -> AmoCrmAssetsError:
    proxy = _proxy_of(url)
    if isinstance(error, BodyTooLarge):
        return UnexpectedAnswer(
            operation,
            cause=f"{error}.",
            fix=f"Look whether base_url in {context.file} is the account's own address; if it is, report this.",
        )
    causes = _causes(error)
    for cause in causes:
        if found := _known_cause(cause, operation, url, context):
            return found
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return _no_address(operation, url, proxy, error, context)
    if proxy and any(isinstance(cause, ProxyError) for cause in causes):
        return _proxy_unreachable(operation, url, proxy, causes)
    return AmoCrmUnavailable(
        operation,
        cause=f"{_reason(error, causes)}.",
        fix="Check whether this machine can reach it (firewall, proxy); otherwise the problem may be temporary.",
        timed_out=isinstance(error, requests.Timeout) or None,
    )


def _known_cause(
    cause: BaseException, operation: str, url: str, context: ErrorContext
) -> AmoCrmAssetsError | None:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _certificate_refused(operation, cause, context)
    if isinstance(cause, ssl.SSLError) and "WRONG_VERSION_NUMBER" in str(cause):
        return _no_tls(operation, url, _proxy_of(url), context)
    if match := _TUNNEL_REFUSED.search(str(cause)):
        return proxy_error(operation, url, status=int(match[1]))
    return None


def proxy_error(operation: str, url: str, *, status: int) -> AmoCrmAssetsError:
    """The error for a proxy that responds instead of the account, with 407 or another status."""
    variable = proxy_variable(urlsplit(url).scheme)
    place = f"the proxy {_proxy_of(url) or 'in between'}"
    if status >= requests.codes.server_error or status == requests.codes.request_timeout:
        return AmoCrmUnavailable(
            operation,
            cause=f"{place} answered {status}: it cannot reach the account's address now.",
            fix=f"If it still fails, ask the operator of that proxy, which the variable {variable} names.",
            status=status,
        )
    if status == requests.codes.proxy_authentication_required:
        return SettingsError(
            operation,
            cause=f"{place} wants a user and a password (407).",
            fix=f"Write them into the environment variable {variable}: http://USER:PASSWORD@HOST:PORT, special"
            f" characters percent-encoded {_DOCS}.",
            status=status,
            variable=variable,
        )
    return SettingsError(
        operation,
        cause=f"{place} does not let us through ({status}).",
        fix=f"Have {urlsplit(url).hostname} allowed there, or correct the environment variable {variable}; hosts"
        f" without proxy are listed in NO_PROXY {_DOCS}.",
        status=status,
        variable=variable,
    )


def _certificate_refused(
    operation: str, error: ssl.SSLCertVerificationError, context: ErrorContext
) -> SettingsError:
    variable = ca_variable()
    trusted = f"the certificates in {variable} are trusted" if variable else "the usual authorities are trusted"
    return SettingsError(
        operation,
        cause=f"its certificate is not accepted ({error.verify_message or 'not verified'}); {trusted}.",
        fix="If a proxy or firewall of yours replaces certificates, set the environment variable"
        " REQUESTS_CA_BUNDLE to a PEM file with its authority's certificate. Otherwise check base_url in"
        f" {context.file} and this machine's clock {_DOCS}. {context.check} tries it again.",
        variable=variable,
    )


def _no_tls(operation: str, url: str, proxy: str | None, context: ErrorContext) -> SettingsError:
    place = f"{proxy}, the proxy," if proxy else "the other side"
    setting = proxy_variable(urlsplit(url).scheme) if proxy else f"base_url in {context.file}"
    return SettingsError(
        operation,
        cause=f"{place} does not speak TLS at this port.",
        fix=f"Check scheme and port in {setting}: http:// and https:// are not the same.",
    )


def _no_address(
    operation: str, url: str, proxy: str | None, error: OSError, context: ErrorContext
) -> SettingsError:
    # The exception's own text may contain a proxy's password.
    if not proxy or (isinstance(error, requests.exceptions.InvalidURL) and not _is_proxys(error)):
        return SettingsError(
            operation,
            cause="that is no address.",
            fix=f"Correct `subdomain` or `base_url` in {context.file}.",
        )
    variable = proxy_variable(urlsplit(url).scheme)
    return SettingsError(
        operation,
        cause=f"the proxy that the environment variable {variable} names cannot be used.",
        fix=f"Write it as http://HOST:PORT; SOCKS is not supported {_DOCS}.",
        variable=variable,
    )


def _is_proxys(error: OSError) -> bool:
    return isinstance(error, requests.exceptions.InvalidProxyURL)


def _proxy_unreachable(
    operation: str, url: str, proxy: str, causes: list[BaseException]
) -> SettingsError | AmoCrmUnavailable:
    variable = proxy_variable(urlsplit(url).scheme)
    unknown = any(isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME for cause in causes)
    kind = SettingsError if unknown else AmoCrmUnavailable
    reason = "there is no such name" if unknown else _first_reason(causes)
    return kind(
        operation,
        cause=f"the proxy {proxy} cannot be reached ({reason}).",
        fix=f"Correct or unset the environment variable {variable}, or have the proxy started {_DOCS}.",
        variable=variable,
    )


def _reason(error: OSError, causes: list[BaseException]) -> str:
    if isinstance(error, DeadlineExceeded):
        return f"no answer in time ({error})"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    return f"the connection failed ({_first_reason(causes)})"


def _first_reason(causes: list[BaseException]) -> str:
    """The operating system's message; the texts of the libraries contain addresses."""
    if any(isinstance(cause, NameResolutionError) for cause in causes):
        return "the name could not be resolved"
    for cause in causes:
        if isinstance(cause, OSError) and not isinstance(cause, requests.RequestException) and cause.strerror:
            return cause.strerror
    if any(isinstance(cause, NewConnectionError) for cause in causes):
        return "not connected"
    return type(causes[0]).__name__


def _proxy_of(url: str) -> str | None:
    """Host and port of the proxy for requests to an address, without credentials; None without one."""
    proxy = select_proxy(url, get_environ_proxies(url))
    if not proxy:
        return None
    address = urlsplit(proxy if "//" in proxy else f"//{proxy}")
    return address.netloc.rpartition("@")[2] or "of the environment"


def _causes(error: BaseException) -> list[BaseException]:
    """The error and the errors it wraps; `requests` and `urllib3` store them in `args` and `reason`."""
    found: list[BaseException] = []
    unseen = [error]
    while unseen:
        if (each := unseen.pop()) in found:  # they may run in circles
            continue
        found.append(each)
        wrapped = (*each.args, getattr(each, "reason", None), each.__cause__)
        unseen += [inner for inner in reversed(wrapped) if isinstance(inner, BaseException)]
    return found
