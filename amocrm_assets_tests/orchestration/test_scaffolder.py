"""What `dg scaffold defs` writes: a new file, or one more document of a file."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import yaml

from amocrm_assets.orchestration.scaffolder import AmoCrmSourceScaffolder

if TYPE_CHECKING:
    from pathlib import Path


def scaffolded(target: Path, *, append: bool) -> None:
    request: Any = SimpleNamespace(target_path=target, append=append)
    AmoCrmSourceScaffolder().scaffold(request)


def test_a_source_is_named_as_its_folder_and_another_document_leaves_the_first(tmp_path: Path) -> None:
    folder = tmp_path / "my_shop"
    folder.mkdir()
    scaffolded(folder, append=False)
    file = folder / "defs.yaml"
    (first,) = yaml.safe_load_all(file.read_text(encoding="utf-8"))
    assert first["type"] == "amocrm_assets.AmoCrmSource"
    assert first["attributes"]["subdomain"] == "my-shop"
    scaffolded(file, append=True)
    documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
    assert documents == [first, first]
