"""From what an asset is to how it is shown: the `translation` of a source, and `get_asset_spec` of a subclass.

As in Dagster's own integrations. A translation may change what people see and group by. What the assets rely on
stays: partitions, dependencies within the source, and whose data an asset holds.
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

# Metadata of the assets that says what they are, whatever their keys.
ASSET, SUBDOMAIN, TIMEZONE = "amocrm_asset", "subdomain", "timezone"


@dataclass(frozen=True)
class AmoCrmAsset:
    """What a translation knows of an asset. In templates it is `asset`, and its spec is `spec`, too."""

    name: str
    """`raw_leads`, `leads`, `amoCrmLeads`, `raw_reference`, or a reference table, `amoCrmUsers` and so on."""
    subdomain: str
    spec: dg.AssetSpec
    """How the asset is shown without a translation. Where only the key is asked for, it has no description."""


Translation: TypeAlias = Callable[[dg.AssetSpec, AmoCrmAsset], dg.AssetSpec]


def scope_of(asset: AmoCrmAsset) -> Mapping[str, Any]:
    """What templates may use besides `spec`."""
    return {"asset": asset}


_Resolved: TypeAlias = Annotated[TranslationFn[AmoCrmAsset], TranslationFnResolver[AmoCrmAsset](scope_of)] | None


class TranslatedSource(SourceSettings):
    """A source in somebody's Dagster project, which may change how its assets are shown in code, too."""

    # Dagster makes a function of what a file says.
    translation: _Resolved = Field(default=None)  # type: ignore[assignment]

    def get_asset_spec(self, asset: AmoCrmAsset) -> dg.AssetSpec:
        """How an asset is shown. Override it in a subclass; `translation` is applied to what it returns.

        The key has to follow from `asset.name` and `asset.spec.key`: it is asked for more often than the rest.
        """
        return asset.spec


def is_translated(source: SourceSettings) -> bool:
    """Whether anything changes how the assets of a source are shown."""
    overridden = isinstance(source, TranslatedSource) and (
        type(source).get_asset_spec is not TranslatedSource.get_asset_spec
    )
    return overridden or source.translation is not None


def translated(source: SourceSettings, asset: AmoCrmAsset) -> dg.AssetSpec:
    """How an asset of the source is shown. Raises `SettingsError` if it would not work any more."""
    if not is_translated(source):
        return asset.spec
    spec = source.get_asset_spec(asset) if isinstance(source, TranslatedSource) else asset.spec
    if source.translation is not None:
        spec = as_function(source.translation)(spec, asset)
    _require_what_it_rests_on(asset, spec)
    own = {name: asset.spec.metadata[name] for name in (ASSET, SUBDOMAIN, TIMEZONE) if name in asset.spec.metadata}
    return spec.merge_attributes(metadata=own)


def as_function(translation: TranslationSettings | Translation) -> Translation:
    """The translation that a file without Dagster's loader describes; a function as it is."""
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
