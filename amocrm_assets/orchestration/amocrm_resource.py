"""The resource `amocrm_<source>`: one amoCRM account, its credentials and its choice of custom fields.

The assets of a source use it, the UI's *Resources* page shows it, and users' own assets send requests through it.
Credentials are names of environment variables, resolved only for a request: Dagster stores and shows the
configuration of resources.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field, PrivateAttr

from amocrm_assets.entities import WITH_CUSTOM_FIELDS
from amocrm_assets.errors import SettingsError
from amocrm_assets.orchestration.names import DEPLOYMENT, resource_key
from amocrm_assets.orchestration.run_client import RunClient
from amocrm_assets.orchestration.waits_log import resource_waits_logged
from amocrm_assets.settings import Deployment, NamedField, SourceSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from amocrm_assets.crm.http.client import AmoCrmClient
    from amocrm_assets.orchestration.resources import AmoCrmDeployment

# What a launch may change for one run. Another account, time zone or token would mix unrelated captures.
OVERRIDABLE = (*WITH_CUSTOM_FIELDS, "import_lead_name", "requests_per_second")
# The wait for the account's lock covers the duration of a run.
LOCK_WAIT_SECONDS = 3600.0


# The name of an environment variable, `{"env": "NAME"}`, as `dg.EnvVar` is stored and shown. Dagster reads a real
# `EnvVar` while it plans a run: an unset one would end in a traceback before the run exists, also in processes
# that send no requests to amoCRM. This one is read at the first request, with an error that has a fix. The UI
# shows the type of a field beside its value, and has no room for that of a class.
FromEnvironment = dict[str, Any]
CREDENTIALS = ("access_token", "client_id", "client_secret")


class AmoCrmResource(dg.ConfigurableResource[Any]):
    """One amoCRM account. Credentials are given as `dg.EnvVar("NAME")`, either a long-lived token or OAuth."""

    subdomain: str = Field(description="The account's name, as in its address.")
    base_url: str | None = Field(
        default=None, description="Address of the account. Default: the one at amocrm.ru."
    )
    access_token: FromEnvironment | None = Field(
        default=None, description="Variable with a long-lived token, as `dg.EnvVar`."
    )
    client_id: FromEnvironment | None = Field(
        default=None, description="OAuth: variable with the integration's id, as `dg.EnvVar`."
    )
    client_secret: FromEnvironment | None = Field(
        default=None, description="OAuth: variable with the integration's secret key, as `dg.EnvVar`."
    )
    redirect_uri: str | None = Field(
        default=None, description="OAuth: the redirect address, exactly as in the integration's settings."
    )
    leads_custom_fields: list[Any] | None = Field(
        default=None, description="Custom fields to import: names, codes or ids. Default: all. `[]`: none."
    )
    contacts_custom_fields: list[Any] | None = Field(
        default=None, description="Custom fields of contacts to import, as `leads_custom_fields`."
    )
    companies_custom_fields: list[Any] | None = Field(
        default=None, description="Custom fields of companies to import, as `leads_custom_fields`."
    )
    import_lead_name: bool = Field(
        default=True, description="False: lead names are removed before data is written to disk."
    )
    requests_per_second: float = Field(default=7.0, description="Maximum number of requests to amoCRM per second.")
    timezone: str = Field(default="UTC", description="The time zone in which a day starts and ends at midnight.")
    _context: dg.InitResourceContext | None = PrivateAttr(default=None)
    _run_client: RunClient = PrivateAttr(default_factory=RunClient)

    def __init__(self, **given: Any) -> None:
        super().__init__(**{name: _as_variable(name, value) for name, value in given.items()})

    @classmethod
    def from_settings(cls, source: SourceSettings) -> AmoCrmResource:
        """The resource of a source in `defs.yaml`."""
        return cls(**_values_of(source))

    def to_settings(self, **others: Any) -> SourceSettings:
        """The settings of a source with this account; `others` are those that the resource does not have.

        Raises pydantic's `ValidationError` for settings that no source may have.
        """
        oauth = {
            "client_id_env": _variable(self.client_id),
            "client_secret_env": _variable(self.client_secret),
            "redirect_uri": self.redirect_uri,
        }
        return SourceSettings.model_validate(
            {
                "subdomain": self.subdomain,
                "base_url": self.base_url,
                "access_token_env": _variable(self.access_token),
                "oauth": oauth if any(oauth.values()) else None,
                **{name: getattr(self, name) for name in WITH_CUSTOM_FIELDS},
                "import_lead_name": self.import_lead_name,
                "requests_per_second": self.requests_per_second,
                "timezone": self.timezone,
                **others,
            }
        )

    def applied_to(self, source: SourceSettings) -> SourceSettings:
        """The source's settings with what the launch of this run changed.

        Raises `SettingsError` when a launch changed more than `OVERRIDABLE`.
        """
        # Without making the source's resource, which takes Dagster ten milliseconds, in each step of a run.
        defined = {name: _as_variable(name, value) for name, value in _values_of(source).items()}
        changed = [name for name, value in defined.items() if getattr(self, name) != value]
        if refused := [name for name in changed if name not in OVERRIDABLE]:
            raise SettingsError(
                f"Reading the run's configuration of the resource {resource_key(source)}",
                cause=f"it changes {', '.join(refused)}. A launch may change only {', '.join(OVERRIDABLE)}.",
                fix="Give the resource's other values as the Resources page shows them, or change defs.yaml.",
                source=source.subdomain,
            )
        if not changed:
            return source
        return SourceSettings.model_validate(
            # A subclass may have other attributes. The translation does not affect a run, and may be a function.
            source.model_dump(include=SourceSettings.model_fields.keys() - {"translation"})
            | {name: getattr(self, name) for name in changed}
        )

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Store the run, whose log gets messages about long waits."""
        # `yield_for_execution` could do it, but would require a context for every direct call of a user's asset.
        self._context = context

    @property
    def run_client(self) -> RunClient:
        """The client that the run's readings and users' own assets share."""
        return self._run_client

    @contextmanager
    def client(self) -> Iterator[AmoCrmClient]:
        """A client that holds the account's lock, so that its requests and those of runs share one rate limit.

        Hold it only while you send requests; runs of the source wait meanwhile. Raises `Busy` after an hour.
        """
        from amocrm_assets.crm.authorisation import open_client
        from amocrm_assets.crm.http.account_lock import account_lock
        from amocrm_assets.crm.http.limiters import limiter_of
        from amocrm_assets.storage import open_storage

        deployment = Deployment.from_environment()
        source = self.to_settings(start_date="2000-01-01")
        with (
            resource_waits_logged(self._context),
            account_lock(
                self.subdomain,
                limiter=limiter_of(source),
                storage=open_storage(deployment.storage),
                wait_seconds=LOCK_WAIT_SECONDS,
            ),
            # Within the lock: threads that use this resource at the same time have the client one after another.
            self._run_client.use(lambda: open_client(source, deployment)) as client,
        ):
            yield client

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """The decoded response to `GET path`; None for 204, which is an empty list or an unknown id.

        Uses the rate limit, tokens and retries of the source. Raises the errors of `AmoCrmClient.request`.
        """
        with self.client() as client:
            return client.request(path, params or {}, _decoded)

    def pages(self, path: str, params: Mapping[str, Any] | None = None) -> Iterator[list[dict[str, Any]]]:
        """The records of each page of a list, page after page until there is no next one.

        If the list changes meanwhile, records between two pages may be skipped; `raw_leads` verifies that it
        reads all leads. Raises `UnexpectedAnswer` for a response that is not a list.
        """
        from amocrm_assets.crm.pagination.lists import list_pages

        with self.client() as client:
            yield from list_pages(client, path, params or {})


def settings_of_run(context: dg.AssetExecutionContext, source: SourceSettings) -> SourceSettings:
    """The settings of this run: those of the source with the changes of its launch."""
    resource: AmoCrmResource = getattr(context.resources, resource_key(source))
    return resource.applied_to(source)


def _values_of(source: SourceSettings) -> dict[str, Any]:
    """The arguments of a source's resource."""
    oauth = source.oauth
    return {
        "subdomain": source.subdomain,
        "base_url": source.base_url,
        "access_token": source.access_token_env and dg.EnvVar(source.access_token_env),
        "client_id": oauth and dg.EnvVar(oauth.client_id_env),
        "client_secret": oauth and dg.EnvVar(oauth.client_secret_env),
        "redirect_uri": oauth and oauth.redirect_uri,
        **{name: _plain(getattr(source, name)) for name in WITH_CUSTOM_FIELDS},
        "import_lead_name": source.import_lead_name,
        "requests_per_second": source.requests_per_second,
        "timezone": source.timezone,
    }


@contextmanager
def client_of_run(context: dg.AssetExecutionContext, source: SourceSettings) -> Iterator[AmoCrmClient]:
    """The client that all readings of a run share; `source` are the settings of this run."""
    resource: AmoCrmResource = getattr(context.resources, resource_key(source))
    deployment: AmoCrmDeployment = getattr(context.resources, DEPLOYMENT)
    with resource.run_client.use(lambda: deployment.client(source)) as client:
        deployment.close_after_run(resource.run_client)
        yield client


def _decoded(response: Any) -> Any:
    return response.json() if response.body else None


def _as_variable(name: str, value: Any) -> Any:
    """A credential as a variable's name; a value in clear text is refused, without repeating it."""
    if name not in CREDENTIALS:
        return value
    if isinstance(value, dg.EnvVar):
        return {"env": value.env_var_name}
    if isinstance(value, str):
        raise SettingsError(
            f"Reading {name} of an AmoCrmResource",
            cause="it is a text, which Dagster would store and show.",
            fix=f'Set an environment variable to the value and write `{name}=dg.EnvVar("NAME")`.',
        )
    if value is not None and _variable(value) is None:
        raise SettingsError(
            f"Reading {name} of an AmoCrmResource",
            cause="it is not the name of an environment variable.",
            fix=f'Write `{name}=dg.EnvVar("NAME")`; in the configuration of a launch, `{name}: {{env: NAME}}`.',
        )
    return value


def _variable(value: FromEnvironment | None) -> str | None:
    """The name of the variable; None for anything else."""
    name = value.get("env") if isinstance(value, dict) and value.keys() == {"env"} else None
    return name if isinstance(name, str) else None


def _plain(fields: Sequence[str | int | NamedField] | None) -> list[Any] | None:
    """Fields as the UI shows them and a launch may write them."""
    if fields is None:
        return None
    return [each.model_dump() if isinstance(each, NamedField) else str(each) for each in fields]
