"""How assets are shown: the `translation` of a source, and `get_asset_spec` of a subclass.

As in Dagster's own integrations. A translation may change what users see and group by, but not what the assets
rely on: partitions, dependencies within the source, and the account of an asset.
"""

from __future__ import annotations

from collections.abc import (  # not for types alone: Dagster resolves the annotations of a component
    Callable,
    Mapping,
)
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import dagster as dg
from dagster.components.utils import TranslatorResolvingInfo
from dagster.components.utils.translation import TranslationFn, TranslationFnResolver
from pydantic import Field

from amocrm_assets.errors import SettingsError
from amocrm_assets.settings import SourceSettings
from amocrm_assets.settings.translation import TranslationSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

# Metadata with the role of an asset, independent of its key.
ASSET, SUBDOMAIN, TIMEZONE = "amocrm_asset", "subdomain", "timezone"


@dataclass(frozen=True)
class AmoCrmAsset:
    """An asset for a translation. In templates it is `asset`, and its spec is also `spec`."""

    name: str
    """The name of any asset of the source: `raw_leads`, `contacts`, `amoCrmUsers` and so on."""
    subdomain: str
    spec: dg.AssetSpec
    """How the asset is shown without a translation. It has no description if only the key is requested."""


Translation: TypeAlias = Callable[[dg.AssetSpec, AmoCrmAsset], dg.AssetSpec]


def scope_of(asset: AmoCrmAsset) -> Mapping[str, Any]:
    """Names for templates in addition to `spec`."""
    return {"asset": asset}


_Resolved: TypeAlias = Annotated[TranslationFn[AmoCrmAsset], TranslationFnResolver[AmoCrmAsset](scope_of)] | None


class TranslatedSource(SourceSettings):
    """A source in a Dagster project, which may also change in code how its assets are shown."""

    # Dagster turns the attribute in a file into a function.
    translation: _Resolved = Field(default=None)  # type: ignore[assignment]

    def get_asset_spec(self, asset: AmoCrmAsset) -> dg.AssetSpec:
        """How an asset is shown. Override it in a subclass; `translation` is applied to the result.

        The key may depend only on `asset.name` and `asset.spec.key`: it is requested more often than the rest.
        """
        return asset.spec


def is_translated(source: SourceSettings) -> bool:
    """Whether a source changes how its assets are shown."""
    overridden = isinstance(source, TranslatedSource) and (
        type(source).get_asset_spec is not TranslatedSource.get_asset_spec
    )
    return overridden or source.translation is not None


def translated(source: SourceSettings, asset: AmoCrmAsset) -> dg.AssetSpec:
    """How an asset of the source is shown. Raises `SettingsError` if the asset would not work."""
    if not is_translated(source):
        return asset.spec
    spec = source.get_asset_spec(asset) if isinstance(source, TranslatedSource) else asset.spec
    if source.translation is not None:
        spec = as_function(source.translation)(spec, asset)
    _require_what_it_rests_on(asset, spec)
    own = {name: asset.spec.metadata[name] for name in (ASSET, SUBDOMAIN, TIMEZONE) if name in asset.spec.metadata}
    return spec.merge_attributes(metadata=own)


def as_function(translation: TranslationSettings | Translation) -> Translation:
    """The translation in a file that is read without Dagster's loader; a function is returned unchanged."""
    if not isinstance(translation, TranslationSettings):
        return translation
    info = TranslatorResolvingInfo(
        asset_attributes=dg.AssetAttributesModel(**translation.model_dump(exclude_unset=True)),
        resolution_context=dg.ResolutionContext.default(),
        model_key="translation",
    )
    return lambda spec, asset: info.get_asset_spec(spec, {**scope_of(asset), "spec": spec})


def _require_what_it_rests_on(asset: AmoCrmAsset, spec: dg.AssetSpec) -> None:
    changed = [
        name for name in ("partitions_def", "skippable") if getattr(spec, name) != getattr(asset.spec, name)
    ]
    upstream = {dep.asset_key for dep in spec.deps}
    if any(dep.asset_key not in upstream for dep in asset.spec.deps):
        changed.append("deps")
    if changed:
        raise SettingsError(
            f"Translating the asset {asset.name} of {asset.subdomain}",
            cause=f"the translation changes {', '.join(changed)}, which the assets of a source rely on.",
            fix="Leave it out there; which days there are follows from `start_date` and `timezone`.",
            source=asset.subdomain,
        )


def require_own_keys(source: SourceSettings, keys: Sequence[dg.AssetKey]) -> None:
    """Raise `SettingsError` if two assets of a source have one key."""
    twice = sorted({key.to_user_string() for key in keys if keys.count(key) > 1})
    if twice:
        raise SettingsError(
            f"Translating the assets of {source.subdomain}",
            cause=f"several of them get the key {', '.join(twice)}.",
            fix="Make the key of the asset's name: `key: crm/{{ asset.name }}`, or use `key_prefix`.",
            source=source.subdomain,
        )
