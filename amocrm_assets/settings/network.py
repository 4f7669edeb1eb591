"""The usual environment variables for networks: trusted certificates, and proxies.

Proxies are read here only for messages; `requests` selects the proxy of an address from the same variables.
"""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

from amocrm_assets.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

# The first one that is set is used: those of `requests` and curl, then those of OpenSSL.
CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


def trusted_certificates(environment: Mapping[str, str] = os.environ) -> str | None:
    """The file or folder of certificates to trust instead of the built-in ones; None for the built-in ones.

    Raises `SettingsError` if it has no certificates.
    """
    variable = ca_variable(environment)
    if variable is None:
        return None
    path = os.path.expanduser(environment[variable])  # noqa: PTH111 - a str is what ssl and requests take
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if os.path.isdir(path):  # noqa: PTH112
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    except OSError as error:  # ssl.SSLError is one
        reason = error.strerror if isinstance(error, FileNotFoundError | PermissionError) else "no certificates"
        raise SettingsError(
            f"Reading the certificates of the environment variable {variable}",
            cause=f"{path} cannot be used ({reason}).",
            fix=f"Set {variable} to a PEM file of certificates, or unset it to trust the usual ones"
            " (docs/connecting.md, Networks).",
            variable=variable,
        ) from error
    return path


def ca_variable(environment: Mapping[str, str] = os.environ) -> str | None:
    """The variable that sets the trusted certificates; None if none is set."""
    return next((name for name in CA_VARIABLES if environment.get(name)), None)


def proxy_variable(scheme: str, environment: Mapping[str, str] = os.environ) -> str:
    """The variable that sets the proxy for a scheme; the usual variable if none is set."""
    names = (f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY")
    return next((name for name in names if environment.get(name)), f"{scheme}_proxy".upper())
