"""The source of a request, for error messages: its name, its file, and the commands that help.

The cause of an error is added where it is raised.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amocrm_assets.settings import SourceSettings


@dataclass(frozen=True)
class ErrorContext:
    """The source of a request. Without one (a client in tests or other projects) the texts stay general."""

    source: SourceSettings | None = None

    @property
    def subdomain(self) -> str | None:
        """The fact `source` of an error."""
        return self.source.subdomain if self.source else None

    @property
    def file(self) -> str:
        """The source's settings file."""
        return f"the defs.yaml of {self.subdomain}" if self.source else "the source's defs.yaml"

    @property
    def check(self) -> str:
        """The command that tests each step of a run."""
        return self._command("check")

    @property
    def run(self) -> str:
        """The command that loads missing days."""
        return self._command("run", " --missing")

    @property
    def renewal(self) -> str:
        """How to get another token, as a sentence."""
        return renewal(self.source) if self.source else f"Make a new one, or run {self._command('connect')}."

    def operation(self, path: str) -> str:
        """The operation, for error messages."""
        return f"Asking amoCRM for {path}" + (f" of {self.subdomain}" if self.source else "")

    def _command(self, name: str, options: str = "") -> str:
        return f"`amocrm-assets {name} {self.subdomain or 'SOURCE'}{options}`"


NO_CONTEXT = ErrorContext()


def renewal(source: SourceSettings) -> str:
    """How to renew the authorisation of a source, as a sentence."""
    if source.oauth is not None:
        return f"Run `amocrm-assets connect {source.subdomain}`."
    return (
        f"Make a new token in amoCRM (the integration's page, Keys and scopes) and put it into"
        f" {source.access_token_env}, for {source.subdomain} (docs/connecting.md)."
    )
